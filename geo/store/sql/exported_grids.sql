SELECT
    g.code, g.name, g.name_en, g.community, g.population, g.kind,
    c.run, c.area_m2, c.covered_m2, c.covered_share, c.open_m2, c.open_covered_share,
    c.twice_covered_share, c.cameras,
    d.count AS incidents, d.per_km2, d.per_1000_people,
    g.extra, g.geometry
FROM grids g
LEFT JOIN LATERAL newest_coverage(g.code) c ON true
LEFT JOIN grid_density d ON d.grid = g.code
