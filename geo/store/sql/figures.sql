SELECT
    f.code, coalesce(a.name, g.name) AS name, coalesce(a.name_en, g.name_en) AS name_en,
    coalesce(a.parent, g.community) AS parent, f.figure, f.part, f.whole, f.goal
FROM area_figures f
LEFT JOIN areas a ON f.level <> 'grid' AND a.code = f.code
LEFT JOIN grids g ON f.level = 'grid' AND g.code = f.code
WHERE f.level = %(level)s
    AND (%(code)s::text IS NULL OR f.code = %(code)s)
    AND (
        %(parent)s::text IS NULL
        OR coalesce(a.parent, g.community) IN (SELECT area_descendants(%(parent)s))
    )
ORDER BY f.code, f.figure
