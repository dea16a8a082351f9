-- Condition on rows, as rows_in_boxes. The box around the given boxes finds the rows by the index.
WHERE {key} = ANY(ARRAY(
    SELECT t.{key}
    FROM {table} t
    WHERE t.geometry && ST_MakeEnvelope(%(w)s, %(s)s, %(e)s, %(n)s, 4326)
        AND EXISTS (
            SELECT 1
            FROM unnest(
                %(west)s::float8[], %(south)s::float8[], %(east)s::float8[], %(north)s::float8[]
            ) AS b (w, s, e, n)
            WHERE t.geometry && ST_MakeEnvelope(b.w, b.s, b.e, b.n, 4326)
        )
))
