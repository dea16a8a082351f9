CREATE TABLE runs (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind text NOT NULL,
    parameters jsonb NOT NULL,
    inputs_digest text NOT NULL,
    software_version text NOT NULL,
    metric_crs text NOT NULL,
    started_at timestamptz NOT NULL,
    finished_at timestamptz NOT NULL,
    summary jsonb NOT NULL
);

CREATE TABLE camera_views (
    camera text PRIMARY KEY REFERENCES cameras (code) ON DELETE CASCADE,
    run bigint NOT NULL REFERENCES runs (id),
    area_m2 double precision NOT NULL,
    assumed boolean NOT NULL,
    inputs_digest text NOT NULL,
    computed_at timestamptz NOT NULL,
    geometry geometry(MultiPolygon, 4326) NOT NULL
);
CREATE INDEX camera_views_geometry ON camera_views USING gist (geometry);

CREATE TABLE grid_coverage (
    run bigint NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    grid text NOT NULL,
    area_m2 double precision NOT NULL CHECK (area_m2 > 0),
    covered_m2 double precision NOT NULL CHECK (covered_m2 >= 0),
    covered_share double precision NOT NULL CHECK (covered_share BETWEEN 0 AND 1),
    open_m2 double precision NOT NULL CHECK (open_m2 >= 0),
    open_covered_share double precision CHECK (open_covered_share BETWEEN 0 AND 1),
    cameras integer NOT NULL,
    twice_covered_share double precision NOT NULL,
    seen_by_0_share double precision NOT NULL,
    seen_by_1_share double precision NOT NULL,
    seen_by_2_share double precision NOT NULL,
    seen_by_3_share double precision NOT NULL,
    PRIMARY KEY (run, grid)
);

CREATE TABLE blind_spots (
    run bigint NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    rank integer NOT NULL,
    grid text NOT NULL,
    area_m2 double precision NOT NULL CHECK (area_m2 > 0),
    widest_m double precision NOT NULL,
    geometry geometry(Polygon, 4326) NOT NULL,
    PRIMARY KEY (run, rank)
);
CREATE INDEX blind_spots_geometry ON blind_spots USING gist (geometry);

-- One row a grid, month and category with at least one incident; grid '' is outside every grid.
CREATE TABLE grid_incidents (
    run bigint NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    grid text NOT NULL,
    month date NOT NULL,
    category text NOT NULL,
    count integer NOT NULL CHECK (count > 0),
    PRIMARY KEY (run, month, category, grid)
);

-- Over the whole period of the run; grid '' is outside every grid and has no rates.
CREATE TABLE grid_density (
    run bigint NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    grid text NOT NULL,
    period_from timestamptz NOT NULL,
    period_to timestamptz NOT NULL,
    count integer NOT NULL CHECK (count >= 0),
    per_km2 double precision,
    per_1000_people double precision,
    per_day double precision,
    PRIMARY KEY (run, grid)
);

CREATE VIEW latest_run AS SELECT * FROM runs ORDER BY id DESC LIMIT 1;
