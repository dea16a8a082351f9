SELECT
    g.code, g.name, g.name_en, g.kind, g.population, g.community,
    a.name AS community_name, a.name_en AS community_name_en,
    s.code AS subdistrict, s.name AS subdistrict_name, s.name_en AS subdistrict_name_en,
    box_of(g.geometry) AS box,
    c.run, r.finished_at AS computed_at, c.area_m2, c.open_m2, c.covered_m2, c.covered_share,
    c.open_covered_share, c.twice_covered_share, c.cameras,
    d.count AS incidents, d.per_km2, d.per_1000_people,
    q.shares AS quality,
    (SELECT count(*) FROM blind_spots b WHERE b.grid = g.code)::integer AS blind_spots,
    (SELECT sum(area_m2) FROM blind_spots b WHERE b.grid = g.code) AS blind_m2,
    (SELECT sum(risk) FROM blind_spots b WHERE b.grid = g.code) AS risk
FROM grids g
LEFT JOIN areas a ON a.code = g.community
LEFT JOIN areas s ON s.code = a.parent
LEFT JOIN LATERAL newest_coverage(g.code) c ON true
LEFT JOIN runs r ON r.id = c.run
LEFT JOIN grid_density d ON d.grid = g.code
LEFT JOIN area_quality q ON q.layer = 'grids' AND q.code = g.code
WHERE g.code = %(code)s
