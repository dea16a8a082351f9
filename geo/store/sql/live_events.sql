-- Events whose transaction was not visible in a snapshot, oldest first.
SELECT
    e.id, e.at, e.kind,
    e.detail || CASE WHEN c.name IS NULL THEN '{}' ELSE jsonb_build_object('name', c.name) END AS detail,
    ST_X(e.geometry) AS lon, ST_Y(e.geometry) AS lat
FROM live_events e
LEFT JOIN cameras c ON e.kind = 'status' AND c.code = e.detail->>'camera'
WHERE xact >= pg_snapshot_xmin(%(seen)s::pg_snapshot)
    AND NOT pg_visible_in_snapshot(xact, %(seen)s::pg_snapshot)
    AND e.kind = ANY(%(kinds)s)
ORDER BY e.id
LIMIT 2000
