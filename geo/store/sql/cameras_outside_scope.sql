-- Positions, counted from 1, of points that are outside the scope of the connection.
SELECT p.n
FROM unnest(%(lons)s::float8[], %(lats)s::float8[]) WITH ORDINALITY AS p (lon, lat, n)
WHERE NOT scope_all()
    AND NOT coalesce(
        ST_Covers(scope_shape(), ST_SetSRID(ST_Point(p.lon, p.lat), 4326)), false
    )
ORDER BY 1
