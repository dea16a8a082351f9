-- Whether each of the given boxes meets the box of a grid, in their order.
SELECT EXISTS (
    SELECT 1 FROM grids g WHERE g.geometry && ST_MakeEnvelope(b.w, b.s, b.e, b.n, 4326)
)
FROM unnest(%(west)s::float8[], %(south)s::float8[], %(east)s::float8[], %(north)s::float8[])
    WITH ORDINALITY AS b (w, s, e, n, k)
ORDER BY b.k
