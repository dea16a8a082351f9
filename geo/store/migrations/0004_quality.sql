ALTER TABLE cameras
    ADD COLUMN tilt_deg double precision CHECK (tilt_deg BETWEEN -90 AND 90),
    ADD COLUMN vfov_deg double precision CHECK (vfov_deg > 0 AND vfov_deg <= 180),
    ADD COLUMN point_class text NOT NULL DEFAULT 'unknown'
        CHECK (point_class IN ('public', 'industry', 'private', 'police', 'other', 'unknown')),
    ADD COLUMN room text NOT NULL DEFAULT 'unknown' CHECK (room IN ('outdoor', 'indoor', 'unknown'));
ALTER TABLE buildings ADD COLUMN parapet_m double precision CHECK (parapet_m >= 0 AND parapet_m < 100);

-- Every status a camera has had, from when on; kept when the camera goes.
CREATE TABLE camera_status (
    camera text NOT NULL,
    since timestamptz NOT NULL,
    status text NOT NULL,
    PRIMARY KEY (camera, since)
);
INSERT INTO camera_status (camera, since, status)
    SELECT code, coalesce(installed_on::timestamptz, now()), status FROM cameras;

CREATE FUNCTION note_status() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        -- A camera that is new in the register has stood since its installation.
        INSERT INTO gridcover.camera_status (camera, since, status)
            SELECT code, coalesce(least(installed_on::timestamptz, now()), now()), status
            FROM new_rows ON CONFLICT (camera, since) DO UPDATE SET status = EXCLUDED.status;
    ELSE
        INSERT INTO gridcover.camera_status (camera, since, status)
            SELECT n.code, now(), n.status FROM new_rows n JOIN old_rows o ON o.code = n.code
            WHERE n.status <> o.status
            ON CONFLICT (camera, since) DO UPDATE SET status = EXCLUDED.status;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER note_status_insert AFTER INSERT ON cameras REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION note_status();
CREATE TRIGGER note_status_update AFTER UPDATE ON cameras
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION note_status();

-- Shares of the open ground, {cameras: {light: {class: share}}}, of grids and key places; `run` is
-- the run whose coverage they belong to.
CREATE TABLE area_quality (
    layer text NOT NULL CHECK (layer IN ('grids', 'key-places')),
    code text NOT NULL,
    run bigint NOT NULL REFERENCES runs (id),
    shares jsonb NOT NULL,
    PRIMARY KEY (layer, code)
);
CREATE INDEX area_quality_run ON area_quality (run);
