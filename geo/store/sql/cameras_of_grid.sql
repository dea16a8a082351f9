-- Cameras that are in a grid or see part of it, those in it first.
WITH g AS (SELECT geometry FROM grids WHERE code = %(grid)s)
SELECT
    c.code, c.name, c.kind, c.status, ST_Intersects(c.geometry, g.geometry) AS inside,
    coalesce(v.assumed, false) AS assumed, ST_X(c.geometry) AS lon, ST_Y(c.geometry) AS lat
FROM g
JOIN cameras c ON true
LEFT JOIN camera_views v ON v.camera = c.code
WHERE (c.geometry && g.geometry AND ST_Intersects(c.geometry, g.geometry))
    OR c.code IN (
        SELECT camera FROM camera_views w, g
        WHERE w.geometry && g.geometry AND ST_Intersects(w.geometry, g.geometry)
    )
ORDER BY inside DESC, c.code
LIMIT %(limit)s
