SELECT
    a.id, a.category, a.grid, g.name AS grid_name, g.name_en AS grid_name_en, g.community,
    a.run, a.since, a.observed, a.expected, a.score, a.raised_at,
    ST_X(ST_PointOnSurface(g.geometry)) AS lon, ST_Y(ST_PointOnSurface(g.geometry)) AS lat
FROM alerts a
LEFT JOIN grids g ON g.code = a.grid
WHERE CASE WHEN %(ids)s::bigint[] IS NULL THEN a.ended_at IS NULL ELSE a.id = ANY(%(ids)s) END
ORDER BY a.score DESC, a.id
