-- Points by squares of the screen, each square with the number of its points.
WITH box AS (
    SELECT
        ST_TileEnvelope(%(z)s, %(x)s, %(y)s) AS web,
        ST_Transform(ST_Expand(ST_TileEnvelope(%(z)s, %(x)s, %(y)s), %(pad)s), 4326) AS earth
), counted AS (
    SELECT
        count(*)::integer AS count,
        count(*) FILTER (WHERE t.status = 'working')::integer AS working,
        count(*) FILTER (WHERE t.status = 'unknown')::integer AS unknown,
        CASE WHEN %(middle)s THEN (floor(min(ST_X(t.geometry)) / %(cell)s) + 0.5) * %(cell)s
            ELSE avg(ST_X(t.geometry)) END AS lon,
        CASE WHEN %(middle)s THEN (floor(min(ST_Y(t.geometry)) / %(cell)s) + 0.5) * %(cell)s
            ELSE avg(ST_Y(t.geometry)) END AS lat
    FROM {table} t, box
    WHERE t.geometry && ST_Expand(box.earth, %(cell)s) AND {where}
    GROUP BY floor(ST_X(t.geometry) / %(cell)s), floor(ST_Y(t.geometry) / %(cell)s)
    ORDER BY 1 DESC
    LIMIT %(max_rows)s
), rows AS MATERIALIZED (
    SELECT
        count, working, unknown,
        ST_AsMVTGeom(
            ST_Transform(ST_SetSRID(ST_Point(lon, lat), 4326), 3857),
            box.web, %(extent)s, %(extent)s / %(margin)s, true
        ) AS geom
    FROM counted, box
)
SELECT ST_AsMVT(rows, %(name)s, %(extent)s, 'geom') FROM rows WHERE geom IS NOT NULL
