-- Condition on rows: the box of the row meets one of the given boxes.
WHERE {key} IN (
    SELECT t.{key}
    FROM unnest(%(west)s::float8[], %(south)s::float8[], %(east)s::float8[], %(north)s::float8[])
        AS b (w, s, e, n)
    JOIN {table} t ON t.geometry && ST_MakeEnvelope(b.w, b.s, b.e, b.n, 4326)
)
