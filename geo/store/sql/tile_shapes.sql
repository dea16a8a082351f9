-- The rows are limited first, so that the shapes of the others are never processed.
-- Materialized, so that no shape is built twice, once for the condition and once for the tile.
WITH box AS (
    SELECT
        ST_TileEnvelope(%(z)s, %(x)s, %(y)s) AS web,
        ST_Transform(ST_Expand(ST_TileEnvelope(%(z)s, %(x)s, %(y)s), %(pad)s), 4326) AS earth
), chosen AS MATERIALIZED (
    SELECT {columns}, t.geometry
    FROM {table} t, box
    WHERE t.geometry && box.earth AND {where} AND {large}
    ORDER BY {order}
    LIMIT %(max_rows)s
), rows AS MATERIALIZED (
    SELECT
        {columns},
        ST_AsMVTGeom(
            ST_Transform(
                CASE WHEN %(tolerance)s > 0 AND ST_Dimension(t.geometry) > 0
                    THEN ST_Simplify(t.geometry, %(tolerance)s, true) ELSE t.geometry END,
                3857
            ),
            box.web, %(extent)s, %(extent)s / 64, true
        ) AS geom
    FROM chosen t, box
)
SELECT ST_AsMVT(rows, %(name)s, %(extent)s, 'geom') FROM rows WHERE geom IS NOT NULL
