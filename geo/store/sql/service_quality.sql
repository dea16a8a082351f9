-- How service requests were handled, by month and area of one level.
SELECT s.*, coalesce(a.name, g.name) AS name, coalesce(a.name_en, g.name_en) AS name_en
FROM service_quality s
LEFT JOIN areas a ON s.level <> 'grid' AND a.code = s.code
LEFT JOIN grids g ON s.level = 'grid' AND g.code = s.code
WHERE s.level = %(level)s AND month >= %(start)s AND month < %(end)s
ORDER BY month, s.code
