-- What tells this store from every other: the head of its audit log stands outside it, under this name.
CREATE TABLE store_identity (
    single boolean PRIMARY KEY DEFAULT true CHECK (single),
    id uuid NOT NULL DEFAULT gen_random_uuid()
);
INSERT INTO store_identity DEFAULT VALUES;

-- The anchor moves forward when entries are deleted whose time is up, and in no other way.
CREATE FUNCTION protect_anchor() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('gridcover.audit_retention', true) = 'on' AND TG_OP = 'UPDATE' THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'the anchor of the audit log is moved by `gridcover audit prune` alone';
END $$;
CREATE TRIGGER protect BEFORE INSERT OR UPDATE OR DELETE ON audit_anchor
    FOR EACH ROW EXECUTE FUNCTION protect_anchor();
CREATE TRIGGER protect_all BEFORE TRUNCATE ON audit_anchor
    FOR EACH STATEMENT EXECUTE FUNCTION protect_anchor();

-- Ranks are among the grids that a reader may see; for those who see some of them they are computed anew.
ALTER TABLE grid_patterns ADD COLUMN year_count integer;
COMMENT ON COLUMN grid_patterns.year_count IS 'incidents of the last 12 months, which the ranks rest on';
