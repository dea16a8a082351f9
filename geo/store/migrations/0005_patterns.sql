ALTER TABLE incidents ADD COLUMN due_at timestamptz;
COMMENT ON COLUMN incidents.due_at IS 'until when it is to be closed';

-- What the incidents tell beyond their number, of all of them (category '') and of each root of the
-- category tree; `run` is the run whose density they belong to.
CREATE TABLE grid_patterns (
    category text NOT NULL,
    grid text NOT NULL,
    run bigint NOT NULL REFERENCES runs (id),
    per_open_km2 double precision,
    per_street_km double precision,
    eb_per_1000 double precision,
    rank integer,
    rank_p05 integer,
    rank_p95 integer,
    month date,
    count integer,
    previous integer,
    previous_ratio double precision,
    previous_q_value double precision,
    year_before integer,
    year_before_ratio double precision,
    year_before_q_value double precision,
    gi_star double precision,
    gi_q_value double precision,
    hot_spot text,
    moran text,
    trend text,
    slope double precision,
    emerging text,
    emerging_since date,
    alert boolean,
    alert_score double precision,
    alert_since date,
    alert_observed double precision,
    alert_expected double precision,
    weeks_from date,
    weeks real[],
    PRIMARY KEY (category, grid)
);
COMMENT ON COLUMN grid_patterns.weeks IS 'incidents of each week from weeks_from on, spread where only from and to are known';
CREATE INDEX grid_patterns_run ON grid_patterns (run);

CREATE TABLE near_repeats (
    category text NOT NULL,
    run bigint NOT NULL REFERENCES runs (id),
    incidents integer NOT NULL,
    from_m double precision NOT NULL,
    to_m double precision NOT NULL,
    from_days double precision NOT NULL,
    to_days double precision NOT NULL,
    pairs bigint NOT NULL,
    expected double precision NOT NULL,
    ratio double precision,
    p_value double precision NOT NULL,
    PRIMARY KEY (category, to_m, to_days)
);
CREATE INDEX near_repeats_run ON near_repeats (run);

CREATE TABLE forecast_tests (
    category text NOT NULL,
    model text NOT NULL,
    area_share double precision NOT NULL,
    run bigint NOT NULL REFERENCES runs (id),
    month date NOT NULL,
    hits double precision NOT NULL,
    incidents integer NOT NULL,
    hit_rate double precision,
    pai double precision,
    pei double precision,
    months integer NOT NULL,
    months_won integer NOT NULL,
    offered boolean NOT NULL,
    best boolean NOT NULL,
    PRIMARY KEY (category, model, area_share)
);
CREATE INDEX forecast_tests_run ON forecast_tests (run);

-- Only of models that are offered; the month and the test stand in forecast_tests.
CREATE TABLE forecasts (
    category text NOT NULL,
    model text NOT NULL,
    grid text NOT NULL,
    run bigint NOT NULL REFERENCES runs (id),
    expected double precision NOT NULL,
    PRIMARY KEY (category, model, grid)
);
CREATE INDEX forecasts_run ON forecasts (run);

CREATE TABLE incident_hours (
    category text NOT NULL,
    weekday integer NOT NULL CHECK (weekday BETWEEN 0 AND 6),
    hour integer NOT NULL CHECK (hour BETWEEN 0 AND 23),
    run bigint NOT NULL REFERENCES runs (id),
    weight double precision NOT NULL,
    PRIMARY KEY (category, weekday, hour)
);
CREATE INDEX incident_hours_run ON incident_hours (run);

-- density: incidents a km² over the last year; risk: their ratio to people, where above chance.
CREATE TABLE incident_contours (
    category text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('density', 'risk')),
    low double precision NOT NULL,
    high double precision NOT NULL,
    run bigint NOT NULL REFERENCES runs (id),
    geometry geometry(MultiPolygon, 4326) NOT NULL,
    PRIMARY KEY (category, kind, low)
);
CREATE INDEX incident_contours_geometry ON incident_contours USING gist (geometry);
CREATE INDEX incident_contours_run ON incident_contours (run);

CREATE TABLE service_quality (
    level text NOT NULL CHECK (level IN ('grid', 'community', 'subdistrict', 'district')),
    code text NOT NULL,
    month date NOT NULL,
    run bigint NOT NULL REFERENCES runs (id),
    received integer NOT NULL,
    accepted integer NOT NULL,
    closed integer NOT NULL,
    due integer NOT NULL,
    closed_in_time integer NOT NULL,
    in_time_share double precision,
    median_hours double precision,
    rated integer NOT NULL,
    satisfaction double precision,
    PRIMARY KEY (level, month, code)
);
CREATE INDEX service_quality_run ON service_quality (run);
