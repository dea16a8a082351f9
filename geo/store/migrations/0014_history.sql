-- Who changed what in the registers, from what to what: a set for each statement and register, the rows
-- it changed, and an entry of the audit record that holds the digest of both.
CREATE TABLE change_sets (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    actor text NOT NULL,
    layer text NOT NULL,
    inserted bigint NOT NULL DEFAULT 0,
    updated bigint NOT NULL DEFAULT 0,
    deleted bigint NOT NULL DEFAULT 0,
    added text[]
);
COMMENT ON COLUMN change_sets.added IS 'keys of new rows, where there are too many to keep each of them whole';

CREATE TABLE changed_rows (
    change_set bigint NOT NULL REFERENCES change_sets (id) ON DELETE CASCADE,
    key text NOT NULL,
    was jsonb,
    now jsonb
);
COMMENT ON TABLE changed_rows IS 'columns that changed, as they were and as they are; whole rows where one came or went';
CREATE INDEX changed_rows_set ON changed_rows (change_set);
CREATE INDEX changed_rows_key ON changed_rows (key);

CREATE FUNCTION change_digest(of_set change_sets) RETURNS text LANGUAGE sql STABLE
    SET timezone = 'UTC' SET datestyle = 'ISO' SET search_path = gridcover, public AS $$
    SELECT encode(sha256(convert_to(jsonb_build_array(of_set.id, of_set.at::text, of_set.actor, of_set.layer,
        of_set.inserted, of_set.updated, of_set.deleted, of_set.added)::text, 'UTF8')
        || coalesce((SELECT string_agg(row_digest, '' ORDER BY row_digest) FROM (
            SELECT sha256(convert_to(jsonb_build_array(r.key, r.was, r.now)::text, 'UTF8')) AS row_digest
            FROM changed_rows r WHERE r.change_set = of_set.id) d), '')), 'hex')
$$;

-- Arguments: the key columns, and how many new rows of a statement are kept whole ('' for none of them, nor
-- their keys: what feeds bring is told by their batches).
-- As the owner, so that whoever may change a register need not be let near the record.
CREATE FUNCTION record_changes() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET timezone = 'UTC' SET search_path = gridcover, public AS $$
DECLARE
    keys text[] := string_to_array(TG_ARGV[0], ',');
    old_key text := (SELECT format('concat_ws(''/'', %s)', string_agg(format('o.%I', k), ', ')) FROM unnest(keys) k);
    new_key text := (SELECT format('concat_ws(''/'', %s)', string_agg(format('n.%I', k), ', ')) FROM unnest(keys) k);
    same text := (SELECT string_agg(format('o.%1$I = n.%1$I', k), ' AND ') FROM unnest(keys) k);
    who text := coalesce(nullif(current_setting('gridcover.actor', true), ''), 'database user ' || session_user);
    counted bigint;
    made bigint;
BEGIN
    IF TG_OP = 'INSERT' THEN
        SELECT count(*) INTO counted FROM new_rows;
        IF counted = 0 THEN RETURN NULL; END IF;
        EXECUTE format('INSERT INTO gridcover.change_sets (actor, layer, inserted, added) SELECT $1, $2, $3, '
            'CASE WHEN $3 > $4 THEN (SELECT array_agg(%s ORDER BY 1) FROM new_rows n) END RETURNING id', new_key)
            INTO made USING who, TG_TABLE_NAME, counted, nullif(TG_ARGV[1], '')::bigint;
        IF counted <= nullif(TG_ARGV[1], '')::bigint THEN
            EXECUTE format('INSERT INTO gridcover.changed_rows (change_set, key, now) '
                'SELECT $1, %s, to_jsonb(n) FROM new_rows n', new_key) USING made;
        END IF;
    ELSIF TG_OP = 'UPDATE' THEN
        EXECUTE format(
            'WITH changed AS MATERIALIZED (SELECT CASE WHEN n.%4$I IS NULL THEN %1$s ELSE %2$s END AS key, '
            'CASE WHEN n.%4$I IS NULL THEN to_jsonb(o) WHEN o.%4$I IS NULL THEN NULL ELSE '
            '(SELECT coalesce(jsonb_object_agg(e.key, e.value), ''{}'') FROM jsonb_each(to_jsonb(o)) e '
            'WHERE e.value IS DISTINCT FROM to_jsonb(n) -> e.key) END AS was, '
            'CASE WHEN o.%4$I IS NULL THEN to_jsonb(n) WHEN n.%4$I IS NULL THEN NULL ELSE '
            '(SELECT coalesce(jsonb_object_agg(e.key, e.value), ''{}'') FROM jsonb_each(to_jsonb(n)) e '
            'WHERE e.value IS DISTINCT FROM to_jsonb(o) -> e.key) END AS now '
            'FROM old_rows o FULL JOIN new_rows n ON %3$s WHERE (o.*) IS DISTINCT FROM (n.*)), '
            'made AS (INSERT INTO gridcover.change_sets (actor, layer, inserted, updated, deleted) '
            'SELECT $1, $2, count(*) FILTER (WHERE was IS NULL), count(*) FILTER (WHERE was IS NOT NULL AND now IS NOT NULL), '
            'count(*) FILTER (WHERE now IS NULL) FROM changed HAVING count(*) > 0 RETURNING id) '
            'INSERT INTO gridcover.changed_rows (change_set, key, was, now) SELECT m.id, c.key, c.was, c.now '
            'FROM made m, changed c', old_key, new_key, same, keys[1]) USING who, TG_TABLE_NAME;
    ELSE
        IF TG_OP = 'TRUNCATE' THEN
            EXECUTE format('SELECT count(*) FROM gridcover.%I', TG_TABLE_NAME) INTO counted;
        ELSE
            SELECT count(*) INTO counted FROM old_rows;
        END IF;
        IF counted = 0 THEN RETURN NULL; END IF;
        INSERT INTO gridcover.change_sets (actor, layer, deleted) VALUES (who, TG_TABLE_NAME, counted)
            RETURNING id INTO made;
        EXECUTE format('INSERT INTO gridcover.changed_rows (change_set, key, was) SELECT $1, %s, to_jsonb(o) FROM %s o',
            old_key, CASE TG_OP WHEN 'TRUNCATE' THEN format('gridcover.%I', TG_TABLE_NAME) ELSE 'old_rows' END)
            USING made;
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION record(register text, keys text, whole text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE TRIGGER record_insert AFTER INSERT ON %I REFERENCING NEW TABLE AS new_rows '
        'FOR EACH STATEMENT EXECUTE FUNCTION gridcover.record_changes(%L, %L)', register, keys, whole);
    EXECUTE format('CREATE TRIGGER record_update AFTER UPDATE ON %I REFERENCING OLD TABLE AS old_rows '
        'NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION gridcover.record_changes(%L, %L)',
        register, keys, whole);
    EXECUTE format('CREATE TRIGGER record_delete AFTER DELETE ON %I REFERENCING OLD TABLE AS old_rows '
        'FOR EACH STATEMENT EXECUTE FUNCTION gridcover.record_changes(%L, %L)', register, keys, whole);
    EXECUTE format('CREATE TRIGGER record_truncate BEFORE TRUNCATE ON %I '
        'FOR EACH STATEMENT EXECUTE FUNCTION gridcover.record_changes(%L, %L)', register, keys, whole);
END $$;

SELECT record(register, 'code', '1000') FROM unnest(ARRAY['areas', 'grids', 'cameras', 'key_places', 'service_points']) AS register;
SELECT record(register, 'id', '1000') FROM unnest(ARRAY['buildings', 'streets', 'landcover']) AS register;
SELECT record('grid_staff', 'grid,role,name', '1000');
SELECT record('incidents', 'source,source_id', '');

-- At the commit, and no sooner: writers of the record wait for each other.
CREATE FUNCTION tell_record() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = gridcover, public AS $$
BEGIN
    INSERT INTO gridcover.audit (actor, role, address, action, object, detail)
        VALUES (NEW.actor, '', '', 'changed', NEW.layer, jsonb_build_object('set', NEW.id, 'inserted', NEW.inserted,
            'updated', NEW.updated, 'deleted', NEW.deleted, 'digest', gridcover.change_digest(NEW)));
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER tell_record AFTER INSERT ON change_sets
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION tell_record();

CREATE TRIGGER keep BEFORE UPDATE OR DELETE ON change_sets FOR EACH ROW EXECUTE FUNCTION keep_audit();
CREATE TRIGGER keep_all BEFORE TRUNCATE ON change_sets FOR EACH STATEMENT EXECUTE FUNCTION keep_audit();
CREATE TRIGGER keep BEFORE UPDATE OR DELETE ON changed_rows FOR EACH ROW EXECUTE FUNCTION keep_audit();
CREATE TRIGGER keep_all BEFORE TRUNCATE ON changed_rows FOR EACH STATEMENT EXECUTE FUNCTION keep_audit();
CREATE INDEX audit_changed ON audit (((detail ->> 'set')::bigint)) WHERE action = 'changed';

-- What answers kept in memory rest on, by register: those of the last hour are counted as well as numbered,
-- since a change with a smaller number may be committed after one with a larger.
CREATE INDEX change_sets_layer ON change_sets (layer, at);
CREATE FUNCTION layers_versions() RETURNS jsonb LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path = gridcover, public AS $$
    SELECT jsonb_object_agg(layer, number) FROM (
        SELECT layer, concat_ws('.', max(id), count(*)) AS number FROM change_sets
        WHERE at > now() - interval '1 hour' GROUP BY layer
        UNION ALL SELECT 'results', concat_ws('.', coalesce((SELECT max(id) FROM runs), 0),
            (SELECT extract(epoch FROM max(computed_at)) FROM board_state))) t
$$;
DROP FUNCTION layers_version();
