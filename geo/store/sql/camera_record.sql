SELECT
    c.*, ST_X(c.geometry) AS lon, ST_Y(c.geometry) AS lat,
    h.at AS status_reported_at, v.area_m2 AS view_m2, v.assumed,
    g.code AS grid, g.name AS grid_name
FROM cameras c
LEFT JOIN camera_heard h ON h.camera = c.code
LEFT JOIN camera_views v ON v.camera = c.code
LEFT JOIN LATERAL (
    SELECT code, name FROM grids WHERE ST_Intersects(geometry, c.geometry) ORDER BY code LIMIT 1
) g ON true
WHERE c.code = %(code)s
