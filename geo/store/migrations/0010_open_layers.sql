-- Layers as other programs open them: read as who asks, so that row-level security holds in them.
CREATE VIEW layer_grids WITH (security_invoker = true) AS
    SELECT g.code, g.name, g.name_en, g.community, g.population, g.kind, c.run, r.finished_at AS computed_at,
        c.area_m2, c.covered_m2, c.covered_share, c.open_m2, c.open_covered_share, c.twice_covered_share,
        c.cameras, d.count AS incidents, d.per_km2, d.per_1000_people, d.per_day, g.geometry
    FROM grids g
    LEFT JOIN LATERAL (SELECT * FROM grid_coverage WHERE grid = g.code ORDER BY run DESC LIMIT 1) c ON true
    LEFT JOIN runs r ON r.id = c.run
    LEFT JOIN grid_density d ON d.grid = g.code;

CREATE VIEW layer_areas WITH (security_invoker = true) AS
    SELECT a.code, a.name, a.name_en, a.level, a.parent, a.population, o.run, r.finished_at AS computed_at,
        w.part AS area_m2, c.part AS covered_m2, c.part / nullif(c.whole, 0) AS covered_share,
        o.whole AS open_m2, o.part / nullif(o.whole, 0) AS open_covered_share, i.part AS incidents, a.geometry
    FROM areas a
    LEFT JOIN area_figures o ON o.level = a.level AND o.code = a.code AND o.figure = 'open_covered'
    LEFT JOIN area_figures c ON c.level = a.level AND c.code = a.code AND c.figure = 'covered'
    LEFT JOIN area_figures w ON w.level = a.level AND w.code = a.code AND w.figure = 'area_m2'
    LEFT JOIN area_figures i ON i.level = a.level AND i.code = a.code AND i.figure = 'incidents'
    LEFT JOIN runs r ON r.id = o.run;

CREATE VIEW layer_cameras WITH (security_invoker = true) AS
    SELECT c.code, c.name, c.kind, c.point_class, c.room, c.status, c.network, c.bearing_deg, c.fov_deg, c.range_m,
        c.night_range_m, c.height_m, c.pixels_wide, c.owner, c.platform, c.installed_on, c.retired_on,
        v.area_m2 AS view_m2, v.assumed, c.geometry
    FROM cameras c LEFT JOIN camera_views v ON v.camera = c.code;

CREATE VIEW layer_views WITH (security_invoker = true) AS
    SELECT camera, run, area_m2, assumed, computed_at, geometry FROM camera_views;

CREATE VIEW layer_blind_spots WITH (security_invoker = true) AS
    SELECT b.grid || ':' || b.number AS id, b.grid, b.number, b.run, r.finished_at AS computed_at, b.area_m2,
        b.widest_m, b.geometry
    FROM blind_spots b JOIN runs r ON r.id = b.run;

CREATE VIEW layer_incidents WITH (security_invoker = true) AS
    SELECT source || ':' || source_id AS id, source, source_id, category,
        coalesce(occurred_at, occurred_from, reported_at) AS happened_at, occurred_at, occurred_from, occurred_to,
        reported_at, accepted_at, closed_at, satisfaction, grid, precision, geometry
    FROM incidents;

CREATE VIEW layer_key_places WITH (security_invoker = true) AS
    SELECT p.code, p.name, p.name_en, p.kind, p.required_share, p.geometry FROM key_places p;

GRANT SELECT ON layer_grids, layer_areas, layer_cameras, layer_views, layer_blind_spots, layer_incidents,
    layer_key_places TO gridcover_reader;

-- A token may read layers, as a role and within areas.
ALTER TABLE api_tokens ADD COLUMN role text
        CHECK (role IN ('planner', 'commander', 'analyst', 'clerk', 'auditor', 'administrator')),
    ADD COLUMN areas text[] NOT NULL DEFAULT '{}';
COMMENT ON COLUMN api_tokens.role IS 'as whom a token of the scope data:read reads, within the areas';

-- What the layers of tiles show: a tile is good as long as this stays. Counted as well as numbered, since a
-- change with a smaller number may be committed after one with a larger.
CREATE FUNCTION layers_version() RETURNS text LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path = gridcover, public AS $$
    SELECT concat_ws('.', coalesce((SELECT max(id) FROM runs), 0), (SELECT coalesce(max(run), 0) FROM board_state),
        (SELECT count(*) FROM imports), (SELECT coalesce(max(id), 0) FROM imports),
        (SELECT count(*) FROM changes), (SELECT coalesce(max(id), 0) FROM changes))
$$;
