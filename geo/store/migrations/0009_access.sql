-- Who may look, at what, and the record of who did.
CREATE TABLE users (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL CHECK (name <> ''),
    password text NOT NULL,
    role text NOT NULL
        CHECK (role IN ('planner', 'commander', 'analyst', 'clerk', 'auditor', 'administrator')),
    areas text[] NOT NULL CHECK (cardinality(areas) > 0),
    created_at timestamptz NOT NULL DEFAULT now(),
    password_at timestamptz NOT NULL DEFAULT now(),
    disabled_at timestamptz,
    failures integer NOT NULL DEFAULT 0,
    locked_until timestamptz
);
CREATE UNIQUE INDEX users_name ON users (lower(name));
COMMENT ON COLUMN users.areas IS 'codes of areas or grids, everything beneath them; {*} is the whole deployment';

CREATE TABLE sessions (
    digest bytea PRIMARY KEY,
    user_id bigint NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    csrf text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    seen_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL
);
CREATE INDEX sessions_user ON sessions (user_id);

-- Each entry carries the digest of the one before: an entry that is changed, left out or put in breaks
-- the chain from there on.
CREATE TABLE audit (
    id bigint PRIMARY KEY,
    at timestamptz NOT NULL,
    actor text NOT NULL,
    role text NOT NULL,
    address text NOT NULL,
    action text NOT NULL,
    object text NOT NULL,
    detail jsonb NOT NULL,
    previous bytea NOT NULL,
    digest bytea NOT NULL
);
CREATE INDEX audit_at ON audit (at);
CREATE TABLE audit_anchor (
    single boolean PRIMARY KEY DEFAULT true CHECK (single),
    id bigint NOT NULL,
    digest bytea NOT NULL
);
COMMENT ON TABLE audit_anchor IS 'the last entry that was let go when its time was up; the chain begins there';
INSERT INTO audit_anchor (id, digest) VALUES (0, '\x');

CREATE FUNCTION audit_digest(entry audit) RETURNS bytea LANGUAGE sql STABLE
    SET timezone = 'UTC' SET datestyle = 'ISO' AS $$
    SELECT sha256(entry.previous || convert_to(jsonb_build_array(
        entry.id, entry.at::text, entry.actor, entry.role, entry.address, entry.action, entry.object,
        entry.detail)::text, 'UTF8'))
$$;

CREATE FUNCTION chain_audit() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    last record;
BEGIN
    -- One after the other: the chain has no branches.
    PERFORM pg_advisory_xact_lock(1635083369);
    SELECT id, digest INTO last FROM (
        (SELECT id, digest FROM gridcover.audit ORDER BY id DESC LIMIT 1)
        UNION ALL SELECT id, digest FROM gridcover.audit_anchor) t ORDER BY id DESC LIMIT 1;
    NEW.id := last.id + 1;
    NEW.at := clock_timestamp();
    NEW.previous := last.digest;
    NEW.digest := gridcover.audit_digest(NEW);
    RETURN NEW;
END $$;
CREATE TRIGGER chain BEFORE INSERT ON audit FOR EACH ROW EXECUTE FUNCTION chain_audit();

CREATE FUNCTION keep_audit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('gridcover.audit_retention', true) = 'on' AND TG_OP = 'DELETE' THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'the audit record is only ever added to';
END $$;
CREATE TRIGGER keep BEFORE UPDATE OR DELETE ON audit FOR EACH ROW EXECUTE FUNCTION keep_audit();
CREATE TRIGGER keep_all BEFORE TRUNCATE ON audit FOR EACH STATEMENT EXECUTE FUNCTION keep_audit();

-- Readers of the service are this role: it owns nothing, and sees the rows of the areas that the
-- request names, or none.
-- Where the owner of the database may not create roles, its server's administrator does it once:
-- CREATE ROLE gridcover_reader NOLOGIN; GRANT gridcover_reader TO the owner.
DO $$ BEGIN
    IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'gridcover_reader') THEN
        CREATE ROLE gridcover_reader NOLOGIN;
    END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
END $$;
DO $$ BEGIN
    IF NOT pg_has_role(CURRENT_USER, 'gridcover_reader', 'MEMBER') THEN
        EXECUTE format('GRANT gridcover_reader TO %I', CURRENT_USER);
    END IF;
END $$;
GRANT USAGE ON SCHEMA gridcover TO gridcover_reader;

-- Settings of a request: gridcover.areas, codes with U+001F between them, or * for all.
CREATE FUNCTION scope_all() RETURNS boolean LANGUAGE sql STABLE
    RETURN coalesce(current_setting('gridcover.areas', true), '') = '*';
CREATE FUNCTION scope_codes() RETURNS text[] LANGUAGE sql STABLE
    RETURN string_to_array(coalesce(current_setting('gridcover.areas', true), ''), E'\x1f');
-- The definer sees all areas, so that a policy on areas does not ask itself.
CREATE FUNCTION scope_areas() RETURNS text[] LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path = gridcover, public AS $$
    WITH RECURSIVE down AS (
        SELECT code FROM areas WHERE code = ANY(scope_codes())
        UNION SELECT a.code FROM areas a JOIN down d ON a.parent = d.code)
    SELECT coalesce(array_agg(code), '{}') FROM down
$$;
CREATE FUNCTION scope_shape() RETURNS geometry LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path = gridcover, public AS $$
    SELECT ST_Union(geometry) FROM (
        SELECT geometry FROM areas WHERE code = ANY(scope_codes())
        UNION ALL SELECT geometry FROM grids WHERE code = ANY(scope_codes())) t
$$;

CREATE FUNCTION let_read(register text, visible text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', register);
    EXECUTE format('CREATE POLICY read_scope ON %I FOR SELECT TO gridcover_reader '
        'USING ((SELECT gridcover.scope_all()) OR (%s))', register, visible);
    EXECUTE format('GRANT SELECT ON %I TO gridcover_reader', register);
END $$;

SELECT let_read('areas', 'code = ANY((SELECT gridcover.scope_areas())::text[])');
SELECT let_read('grids', 'community = ANY((SELECT gridcover.scope_areas())::text[]) '
    'OR code = ANY((SELECT gridcover.scope_codes())::text[])');
SELECT let_read(register, 'public.ST_Intersects(geometry, (SELECT gridcover.scope_shape()))')
    FROM unnest(ARRAY['cameras', 'key_places', 'service_points']) AS register;
SELECT let_read('incidents', 'CASE WHEN geometry IS NULL '
    'THEN incidents.grid IN (SELECT code FROM gridcover.grids) '
    'ELSE public.ST_Intersects(geometry, (SELECT gridcover.scope_shape())) END');
SELECT let_read(register, 'grid IN (SELECT code FROM gridcover.grids)')
    FROM unnest(ARRAY['grid_staff', 'grid_coverage', 'blind_spots', 'grid_incidents', 'grid_density',
        'grid_patterns', 'forecasts', 'alerts', 'register_findings']) AS register;
SELECT let_read(register, 'camera IN (SELECT code FROM gridcover.cameras)')
    FROM unnest(ARRAY['camera_views', 'camera_status', 'camera_heard']) AS register;
SELECT let_read(register, 'CASE WHEN level = ''grid'' THEN code IN (SELECT code FROM gridcover.grids) '
    'ELSE code = ANY((SELECT gridcover.scope_areas())::text[]) END')
    FROM unnest(ARRAY['service_quality', 'area_figures', 'area_camera_years']) AS register;
SELECT let_read('area_quality', 'CASE WHEN layer = ''grids'' '
    'THEN code IN (SELECT code FROM gridcover.grids) '
    'ELSE code IN (SELECT code FROM gridcover.key_places) END');
-- Figures of the whole deployment are nobody's but theirs who see all of it.
SELECT let_read(register, 'false')
    FROM unnest(ARRAY['near_repeats', 'forecast_tests', 'incident_hours', 'incident_contours',
        'register_counts', 'imports']) AS register;
-- What tells of no camera, no incident and no person is open to every reader.
GRANT SELECT ON buildings, streets, landcover, runs, latest_run, board_state, migrations
    TO gridcover_reader;
