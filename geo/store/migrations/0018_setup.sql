-- Whose data the registers hold, as their licence has it said wherever they are shown. The list of imports itself
-- is for those who see the whole deployment; that OpenStreetMap is among the sources is for everyone.
CREATE FUNCTION attributions() RETURNS text[] LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path = gridcover, public AS $$
    SELECT coalesce(array_agg(DISTINCT options->>'from' ORDER BY options->>'from'), '{}')
    FROM imports WHERE options ? 'from'
$$;
GRANT EXECUTE ON FUNCTION attributions() TO gridcover_reader;

-- Whether a register changed since the last refresh; what changed is nobody's who only reads.
CREATE FUNCTION refresh_is_due() RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path = gridcover, public AS $$ SELECT EXISTS (SELECT 1 FROM changes) $$;
GRANT EXECUTE ON FUNCTION refresh_is_due() TO gridcover_reader;
