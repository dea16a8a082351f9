-- Each incident with the grid it was counted in, as the newest run of the density saw it: what maps and
-- charts count by any span, category and area without a look at a shape. Grid '' is outside every grid.
CREATE TABLE incident_events (
    at timestamptz NOT NULL,
    timed boolean NOT NULL,
    category text NOT NULL,
    grid text NOT NULL,
    lon double precision,
    lat double precision,
    run bigint NOT NULL REFERENCES runs (id)
);
COMMENT ON COLUMN incident_events.timed IS 'whether the hour is known, not a span or the report alone';
COMMENT ON COLUMN incident_events.lon IS 'four decimals, some 10 m; NULL where the place is not known so well';
CREATE INDEX incident_events_at ON incident_events (at);
CREATE INDEX incident_events_place ON incident_events (lat, lon) WHERE lon IS NOT NULL;
CREATE INDEX incident_events_run ON incident_events (run);
-- The next refresh counts the incidents anew, and fills the table.
INSERT INTO changes (layer) VALUES ('incidents');
SELECT let_read('incident_events', 'grid IN (SELECT code FROM gridcover.grids)');

-- Incidents expected a year in a blind spot, and the run of the density that this rests on.
ALTER TABLE blind_spots ADD COLUMN risk double precision, ADD COLUMN risk_run bigint REFERENCES runs (id);
CREATE INDEX blind_spots_risk ON blind_spots (risk DESC NULLS LAST);
CREATE INDEX blind_spots_risk_run ON blind_spots (risk_run);

-- Cameras that do not stand yet, kept under a name. Nothing else rests on them.
CREATE TABLE scenarios (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL CHECK (name <> '' AND length(name) <= 200),
    owner text NOT NULL,
    shared boolean NOT NULL DEFAULT false,
    cameras jsonb NOT NULL CHECK (jsonb_typeof(cameras) = 'array'),
    version integer NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    changed_at timestamptz NOT NULL DEFAULT now(),
    geometry geometry(MultiPoint, 4326) NOT NULL,
    UNIQUE (owner, name)
);
CREATE INDEX scenarios_geometry ON scenarios USING gist (geometry);
SELECT let_read('scenarios', 'public.ST_CoveredBy(geometry, (SELECT gridcover.scope_shape()))');

-- A wall shows maps for days: its session lasts longer, and opens nothing but what it shows.
ALTER TABLE sessions ADD COLUMN wall boolean NOT NULL DEFAULT false;
