-- What changed in the registers since the last refresh, so that it computes only what that touches.
-- A statement that changes more rows than can be followed one by one leaves one row without a code.
CREATE TABLE changes (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    layer text NOT NULL,
    code text,
    was double precision[],
    now double precision[]
);
COMMENT ON COLUMN changes.was IS 'west, south, east, north before the change; NULL for a new row';

CREATE FUNCTION box_of(shape geometry) RETURNS double precision[] LANGUAGE sql IMMUTABLE STRICT
    RETURN ARRAY[ST_XMin(shape), ST_YMin(shape), ST_XMax(shape), ST_YMax(shape)];

-- Argument: the key column; '' where single rows are not followed.
CREATE FUNCTION note_changes() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    most CONSTANT integer := 5000;
    many boolean;
    key text := TG_ARGV[0];
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        INSERT INTO gridcover.changes (layer) VALUES (TG_TABLE_NAME);
        RETURN NULL;
    END IF;
    IF TG_OP = 'DELETE' THEN
        many := (SELECT count(*) FROM (SELECT 1 FROM old_rows LIMIT most + 1) t) > most;
        IF NOT EXISTS (SELECT 1 FROM old_rows) THEN RETURN NULL; END IF;
    ELSE
        many := (SELECT count(*) FROM (SELECT 1 FROM new_rows LIMIT most + 1) t) > most;
        IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    END IF;
    IF many OR key = '' THEN
        INSERT INTO gridcover.changes (layer) VALUES (TG_TABLE_NAME);
    ELSIF TG_OP = 'INSERT' THEN
        EXECUTE format('INSERT INTO gridcover.changes (layer, code, now) '
            'SELECT %L, %I, gridcover.box_of(geometry) FROM new_rows', TG_TABLE_NAME, key);
    ELSIF TG_OP = 'DELETE' THEN
        EXECUTE format('INSERT INTO gridcover.changes (layer, code, was) '
            'SELECT %L, %I, gridcover.box_of(geometry) FROM old_rows', TG_TABLE_NAME, key);
    ELSE
        EXECUTE format('INSERT INTO gridcover.changes (layer, code, was, now) '
            'SELECT %1$L, coalesce(n.%2$I, o.%2$I), '
            'gridcover.box_of(o.geometry), gridcover.box_of(n.geometry) '
            'FROM old_rows o FULL JOIN new_rows n ON n.%2$I = o.%2$I '
            'WHERE (o.*) IS DISTINCT FROM (n.*)', TG_TABLE_NAME, key);
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION follow(register text, key text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE TRIGGER note_insert AFTER INSERT ON %I REFERENCING NEW TABLE AS new_rows '
        'FOR EACH STATEMENT EXECUTE FUNCTION gridcover.note_changes(%L)', register, key);
    EXECUTE format('CREATE TRIGGER note_update AFTER UPDATE ON %I REFERENCING OLD TABLE AS old_rows '
        'NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION gridcover.note_changes(%L)',
        register, key);
    EXECUTE format('CREATE TRIGGER note_delete AFTER DELETE ON %I REFERENCING OLD TABLE AS old_rows '
        'FOR EACH STATEMENT EXECUTE FUNCTION gridcover.note_changes(%L)', register, key);
    EXECUTE format('CREATE TRIGGER note_truncate AFTER TRUNCATE ON %I '
        'FOR EACH STATEMENT EXECUTE FUNCTION gridcover.note_changes(%L)', register, key);
END $$;

SELECT follow('cameras', 'code');
SELECT follow('buildings', 'id');
SELECT follow('grids', '');
SELECT follow('incidents', '');
SELECT follow('key_places', '');

-- Whatever is in the registers now was computed by an older version: the next refresh is whole.
INSERT INTO changes (layer) VALUES ('grids'), ('incidents');

-- Results are derived: the next refresh fills these anew. A row keeps the run that computed it, and
-- stays as it is through later runs that did not touch it.
DROP TABLE camera_views, grid_coverage, blind_spots, grid_incidents, grid_density;

CREATE TABLE camera_views (
    camera text PRIMARY KEY,
    run bigint NOT NULL REFERENCES runs (id),
    area_m2 double precision NOT NULL,
    assumed boolean NOT NULL,
    inputs_digest text NOT NULL,
    computed_at timestamptz NOT NULL,
    metric_wkb bytea NOT NULL,
    geometry geometry(MultiPolygon, 4326) NOT NULL
);
ALTER TABLE camera_views ALTER COLUMN metric_wkb SET STORAGE EXTERNAL;
CREATE INDEX camera_views_geometry ON camera_views USING gist (geometry);
CREATE INDEX camera_views_run ON camera_views (run);

CREATE TABLE grid_coverage (
    grid text NOT NULL,
    run bigint NOT NULL REFERENCES runs (id),
    inputs_digest text NOT NULL,
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
    PRIMARY KEY (grid, run)
);
CREATE INDEX grid_coverage_run ON grid_coverage (run);

CREATE TABLE blind_spots (
    grid text NOT NULL,
    number integer NOT NULL,
    run bigint NOT NULL REFERENCES runs (id),
    area_m2 double precision NOT NULL CHECK (area_m2 > 0),
    widest_m double precision NOT NULL,
    geometry geometry(Polygon, 4326) NOT NULL,
    PRIMARY KEY (grid, number)
);
CREATE INDEX blind_spots_geometry ON blind_spots USING gist (geometry);
CREATE INDEX blind_spots_area ON blind_spots (area_m2 DESC);
CREATE INDEX blind_spots_run ON blind_spots (run);

-- One row a grid, month and category with at least one incident; grid '' is outside every grid.
CREATE TABLE grid_incidents (
    grid text NOT NULL,
    month date NOT NULL,
    category text NOT NULL,
    run bigint NOT NULL REFERENCES runs (id),
    count integer NOT NULL CHECK (count > 0),
    PRIMARY KEY (month, category, grid)
);
CREATE INDEX grid_incidents_run ON grid_incidents (run);

-- Over the whole period of the incidents; grid '' is outside every grid and has no rates.
CREATE TABLE grid_density (
    grid text PRIMARY KEY,
    run bigint NOT NULL REFERENCES runs (id),
    period_from timestamptz NOT NULL,
    period_to timestamptz NOT NULL,
    count integer NOT NULL CHECK (count >= 0),
    per_km2 double precision,
    per_1000_people double precision,
    per_day double precision
);
CREATE INDEX grid_density_run ON grid_density (run);
