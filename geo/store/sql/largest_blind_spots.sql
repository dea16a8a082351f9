-- The largest blind spots in descending order of area.
SELECT
    row_number() OVER (ORDER BY b.area_m2 DESC, b.grid, b.number)::integer AS rank,
    b.grid, g.name AS grid_name, g.name_en AS grid_name_en, b.area_m2, b.widest_m,
    ST_AsBinary(b.geometry) AS geometry
FROM (SELECT * FROM blind_spots ORDER BY area_m2 DESC, grid, number LIMIT %(limit)s) b
LEFT JOIN grids g ON g.code = b.grid
ORDER BY rank
