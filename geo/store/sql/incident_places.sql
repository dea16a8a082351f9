SELECT ST_X(t.geometry), ST_Y(t.geometry)
FROM incidents t
WHERE t.precision IN ('exact', 'road')
    AND EXISTS (
        SELECT 1
        FROM unnest(%(west)s::float8[], %(south)s::float8[], %(east)s::float8[], %(north)s::float8[])
            AS b (w, s, e, n)
        WHERE t.geometry && ST_MakeEnvelope(b.w, b.s, b.e, b.n, 4326)
    )
    AND t.geometry && ST_MakeEnvelope(%(w)s, %(s)s, %(e)s, %(n)s, 4326)
