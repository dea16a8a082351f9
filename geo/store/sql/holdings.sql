SELECT
    (SELECT count(*) FROM areas)::integer AS areas,
    (SELECT count(*) FROM grids)::integer AS grids,
    c.*,
    b.*,
    (SELECT count(*) FROM streets)::integer AS streets,
    (SELECT count(*) FROM landcover)::integer AS landcover,
    (SELECT count(*) FROM incidents)::integer AS incidents,
    (SELECT count(*) FROM key_places)::integer AS key_places,
    EXISTS (SELECT 1 FROM latest_run) AS computed,
    refresh_is_due() AS changed
FROM (
    SELECT
        count(*)::integer AS cameras,
        count(*) FILTER (WHERE directed)::integer AS directed_cameras,
        count(*) FILTER (WHERE directed AND bearing_deg IS NOT NULL)::integer AS cameras_with_bearing
    FROM (
        SELECT bearing_deg, kind NOT IN ('ptz', 'panoramic') AND coalesce(fov_deg, 0) < 360 AS directed
        FROM cameras
    ) kinds
) c, (
    SELECT count(*)::integer AS buildings, count(height_m)::integer AS buildings_with_height
    FROM buildings
) b
