-- Cameras as other programs open them, with all the directions that a camera looks in.
DROP VIEW layer_cameras;
CREATE VIEW layer_cameras WITH (security_invoker = true) AS
    SELECT c.code, c.name, c.kind, c.point_class, c.room, c.status, c.network, c.bearing_deg, c.other_directions,
        c.fov_deg, c.range_m, c.night_range_m, c.height_m, c.pixels_wide, c.owner, c.platform, c.installed_on,
        c.retired_on, v.area_m2 AS view_m2, v.assumed, c.geometry
    FROM cameras c LEFT JOIN camera_views v ON v.camera = c.code;
GRANT SELECT ON layer_cameras TO gridcover_reader;
