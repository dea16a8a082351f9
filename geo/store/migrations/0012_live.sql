-- What happens now, for maps that are open. A row is new to a reader where the transaction that wrote it was not
-- yet seen at the reader's last look, so that one that commits late is not missed.
CREATE TABLE live_events (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    xact xid8 NOT NULL DEFAULT pg_current_xact_id(),
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    kind text NOT NULL CHECK (kind IN ('incident', 'status', 'many')),
    detail jsonb NOT NULL,
    grid text,
    geometry geometry(Point, 4326)
);
CREATE INDEX live_events_at ON live_events (at);
CREATE INDEX live_events_xact ON live_events (xact);
CREATE INDEX live_events_geometry ON live_events USING gist (geometry);

CREATE FUNCTION tell_live() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    most CONSTANT integer := 500;
    written bigint;
BEGIN
    IF TG_TABLE_NAME = 'incidents' THEN
        IF (SELECT count(*) FROM (SELECT 1 FROM new_rows LIMIT most + 1) t) > most THEN
            INSERT INTO gridcover.live_events (kind, detail) VALUES ('many', '{"layer": "incidents"}');
        ELSE
            INSERT INTO gridcover.live_events (kind, detail, grid, geometry)
                SELECT 'incident', jsonb_build_object('category', category,
                    'at', coalesce(occurred_at, occurred_from, reported_at)), grid, geometry FROM new_rows;
        END IF;
    ELSE
        IF (SELECT count(*) FROM (SELECT 1 FROM new_rows LIMIT most + 1) t) > most THEN
            INSERT INTO gridcover.live_events (kind, detail) VALUES ('many', '{"layer": "cameras"}');
        ELSE
            INSERT INTO gridcover.live_events (kind, detail, geometry)
                SELECT 'status', jsonb_build_object('camera', n.code, 'status', n.status), n.geometry
                FROM new_rows n JOIN old_rows o ON o.code = n.code WHERE n.status IS DISTINCT FROM o.status;
        END IF;
    END IF;
    GET DIAGNOSTICS written = ROW_COUNT;
    IF written > 0 THEN
        NOTIFY gridcover_live;
        -- Writers that meet here do not wait for each other.
        DELETE FROM gridcover.live_events WHERE id IN (SELECT id FROM gridcover.live_events
            WHERE at < now() - interval '1 hour' FOR UPDATE SKIP LOCKED);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER tell_live AFTER INSERT ON incidents REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION tell_live();
CREATE TRIGGER tell_live AFTER UPDATE ON cameras REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION tell_live();

SELECT let_read('live_events', 'CASE WHEN kind = ''many'' THEN '
    '(SELECT coalesce(current_setting(''gridcover.areas'', true), '''') <> '''') '
    'WHEN geometry IS NULL THEN grid IN (SELECT code FROM gridcover.grids) '
    'ELSE public.ST_Intersects(geometry, (SELECT gridcover.scope_shape())) END');
