SELECT
    b.grid, b.number, g.name AS grid_name, g.name_en AS grid_name_en,
    b.area_m2, b.widest_m, b.risk, box_of(b.geometry) AS box
FROM (
    SELECT * FROM blind_spots
    WHERE %(area)s::text IS NULL OR grid IN (SELECT grids_of_area(%(area)s))
    ORDER BY {order}, grid, number
    LIMIT %(limit)s OFFSET %(offset)s
) b
LEFT JOIN grids g ON g.code = b.grid
ORDER BY {order}, b.grid, b.number
