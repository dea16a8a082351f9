-- Of each kind at most 500, so that a thousand cameras do not hide the one area of that name.
WITH areas_found AS (
    SELECT
        level AS kind, code, name, name_en,
        (SELECT p.name FROM areas p WHERE p.code = areas.parent) AS within, box_of(geometry) AS box
    FROM areas
    WHERE code ILIKE %(like)s OR name ILIKE %(like)s OR name_en ILIKE %(like)s
    LIMIT 500
), grids_found AS (
    SELECT
        'grid', code, name, name_en,
        (SELECT p.name FROM areas p WHERE p.code = grids.community), box_of(geometry)
    FROM grids
    WHERE code ILIKE %(like)s OR name ILIKE %(like)s OR name_en ILIKE %(like)s
    LIMIT 500
), key_places_found AS (
    SELECT 'key_place', code, name, name_en, kind, box_of(geometry)
    FROM key_places
    WHERE code ILIKE %(like)s OR name ILIKE %(like)s OR name_en ILIKE %(like)s
    LIMIT 500
), cameras_found AS (
    SELECT 'camera', code, name, NULL, owner, box_of(geometry)
    FROM cameras
    WHERE %(cameras)s AND (code ILIKE %(like)s OR name ILIKE %(like)s)
    LIMIT 500
)
SELECT * FROM (
    SELECT * FROM areas_found
    UNION ALL SELECT * FROM grids_found
    UNION ALL SELECT * FROM key_places_found
    UNION ALL SELECT * FROM cameras_found
) matches
ORDER BY
    lower(code) = lower(%(needle)s) DESC,
    lower(name) = lower(%(needle)s) DESC NULLS LAST,
    starts_with(lower(coalesce(name, '')), lower(%(needle)s)) DESC,
    starts_with(lower(code), lower(%(needle)s)) DESC,
    array_position(
        ARRAY['district', 'subdistrict', 'community', 'grid', 'key_place', 'camera'], kind
    ),
    code
LIMIT %(limit)s
