-- An area or grid and the areas above it, from the top. The steps guard against cycles.
WITH RECURSIVE path AS (
    SELECT code, name, name_en, level, parent, 0 AS steps FROM areas WHERE code = %(code)s
    UNION ALL (
        SELECT code, name, name_en, 'grid', community, 0 FROM grids
        WHERE code = %(code)s AND NOT EXISTS (SELECT 1 FROM areas WHERE code = %(code)s)
    )
    UNION ALL
    SELECT a.code, a.name, a.name_en, a.level, a.parent, path.steps + 1
    FROM path JOIN areas a ON a.code = path.parent
    WHERE path.steps < 10
)
SELECT code, name, name_en, level FROM path ORDER BY steps DESC
