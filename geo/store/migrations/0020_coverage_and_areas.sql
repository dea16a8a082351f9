-- The newest coverage of a grid, or the newest up to a run. The planner inlines it where it is joined.
CREATE FUNCTION newest_coverage(of_grid text, up_to_run bigint DEFAULT NULL) RETURNS SETOF grid_coverage
    LANGUAGE sql STABLE AS $$
    SELECT * FROM gridcover.grid_coverage
    WHERE grid = of_grid AND (up_to_run IS NULL OR run <= up_to_run) ORDER BY run DESC LIMIT 1
$$;

-- The newest coverage of every grid that there is.
CREATE VIEW grid_coverage_latest WITH (security_invoker = true) AS
    SELECT c.* FROM grids g CROSS JOIN LATERAL newest_coverage(g.code) c;

-- An area and all areas beneath it.
CREATE FUNCTION area_descendants(of_area text) RETURNS SETOF text LANGUAGE sql STABLE AS $$
    WITH RECURSIVE descendants AS (
        SELECT code FROM gridcover.areas WHERE code = of_area
        UNION SELECT a.code FROM gridcover.areas a JOIN descendants d ON a.parent = d.code)
    SELECT code FROM descendants
$$;

-- The grids of an area and of all areas beneath it, or the one grid of this code.
CREATE FUNCTION grids_of_area(of_area text) RETURNS SETOF text LANGUAGE sql STABLE AS $$
    SELECT code FROM gridcover.grids
    WHERE code = of_area OR community IN (SELECT gridcover.area_descendants(of_area))
$$;

GRANT SELECT ON grid_coverage_latest TO gridcover_reader;
GRANT EXECUTE ON FUNCTION newest_coverage(text, bigint), area_descendants(text), grids_of_area(text)
    TO gridcover_reader;
