SELECT
    g.code, g.name, g.name_en, g.community, g.population, g.kind,
    c.area_m2, c.covered_m2, c.covered_share, c.open_m2, c.open_covered_share, c.cameras,
    c.twice_covered_share, c.seen_by_0_share, c.seen_by_1_share, c.seen_by_2_share,
    c.seen_by_3_share,
    d.count, d.per_km2, d.per_1000_people, d.per_day,
    a.name AS community_name, a.name_en AS community_name_en,
    s.name AS subdistrict_name, s.name_en AS subdistrict_name_en,
    h.name AS head,
    ST_AsBinary(g.geometry) AS geometry
FROM grids g
LEFT JOIN LATERAL newest_coverage(g.code, %(run)s) c ON true
LEFT JOIN grid_density d ON d.grid = g.code
LEFT JOIN areas a ON a.code = g.community
LEFT JOIN areas s ON s.code = a.parent
LEFT JOIN LATERAL (
    SELECT name FROM grid_staff WHERE grid = g.code AND role = 'head' ORDER BY name LIMIT 1
) h ON true
ORDER BY g.code
