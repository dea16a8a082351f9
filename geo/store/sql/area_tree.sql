-- Areas from the top down, each before those below it. The depth guards against cycles.
WITH RECURSIVE tree AS (
    SELECT code, name, name_en, level, 0 AS depth, ARRAY[code] AS path
    FROM areas
    WHERE parent IS NULL OR parent NOT IN (SELECT code FROM areas)
    UNION ALL
    SELECT a.code, a.name, a.name_en, a.level, t.depth + 1, t.path || a.code
    FROM areas a JOIN tree t ON a.parent = t.code
    WHERE t.depth < 10
)
SELECT
    code, name, name_en, level, depth,
    (SELECT count(*) FROM grids g JOIN tree b ON b.code = g.community
     WHERE tree.code = ANY(b.path))::integer AS grids
FROM tree
ORDER BY path
