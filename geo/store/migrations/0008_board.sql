-- Where people are served on foot: volunteers, service stations, party branches, whatever a district counts.
CREATE TABLE service_points (
    code text PRIMARY KEY CHECK (code <> ''),
    name text,
    name_en text,
    kind text NOT NULL,
    extra jsonb NOT NULL DEFAULT '{}',
    geometry geometry(Point, 4326) NOT NULL CHECK (NOT ST_IsEmpty(geometry))
);
CREATE INDEX service_points_geometry ON service_points USING gist (geometry);

-- Every figure of the board by area of every level, as the sums it is the quotient of; code '' is
-- what no area of the level claims. `whole` is NULL of plain sums.
CREATE TABLE area_figures (
    level text NOT NULL CHECK (level IN ('grid', 'community', 'subdistrict', 'district')),
    code text NOT NULL,
    figure text NOT NULL,
    run bigint NOT NULL REFERENCES runs (id),
    part double precision NOT NULL,
    whole double precision,
    goal double precision,
    PRIMARY KEY (level, code, figure)
);
CREATE INDEX area_figures_run ON area_figures (run);

CREATE TABLE area_camera_years (
    level text NOT NULL,
    code text NOT NULL,
    year integer NOT NULL,
    run bigint NOT NULL REFERENCES runs (id),
    installed integer NOT NULL,
    upgraded integer NOT NULL,
    retired integer NOT NULL,
    in_service integer NOT NULL,
    platforms integer NOT NULL,
    PRIMARY KEY (level, code, year)
);
CREATE INDEX area_camera_years_run ON area_camera_years (run);

-- What is wrong with the registers and what is missing to the targets, row by row, with where it lies.
CREATE TABLE register_findings (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    layer text NOT NULL,
    code text NOT NULL,
    aspect text NOT NULL CHECK (aspect IN
        ('complete', 'plausible', 'up_to_date', 'in_place', 'target', 'service')),
    finding text NOT NULL,
    detail text NOT NULL,
    owner text NOT NULL,
    grid text NOT NULL,
    community text NOT NULL,
    subdistrict text NOT NULL,
    district text NOT NULL,
    run bigint NOT NULL REFERENCES runs (id),
    geometry geometry(Point, 4326)
);
CREATE INDEX register_findings_kind ON register_findings (layer, aspect, finding);
CREATE INDEX register_findings_owner ON register_findings (owner);
CREATE INDEX register_findings_geometry ON register_findings USING gist (geometry);
CREATE INDEX register_findings_run ON register_findings (run);

-- What the board rests on: it is worked out anew where any of it is another.
CREATE TABLE board_state (
    single boolean PRIMARY KEY DEFAULT true CHECK (single),
    run bigint NOT NULL,
    day date NOT NULL,
    imports bigint NOT NULL,
    computed_at timestamptz NOT NULL DEFAULT now()
);

-- How many rows of each finding whose are: of all, where `register_findings` keeps the first ones.
CREATE TABLE register_counts (
    layer text NOT NULL,
    aspect text NOT NULL,
    finding text NOT NULL,
    owner text NOT NULL,
    run bigint NOT NULL REFERENCES runs (id),
    rows integer NOT NULL,
    PRIMARY KEY (layer, aspect, finding, owner)
);
CREATE INDEX register_counts_run ON register_counts (run);
