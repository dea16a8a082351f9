-- Number of audit entries, and the first one that is not linked to the entry before it.
WITH linked AS (
    SELECT
        a.id,
        a.digest <> audit_digest(a)
            OR a.previous IS DISTINCT FROM coalesce(lag(a.digest) OVER w, n.digest)
            OR a.id IS DISTINCT FROM coalesce(lag(a.id) OVER w, n.id) + 1 AS broken
    FROM audit a
    LEFT JOIN audit_anchor n ON true
    WINDOW w AS (ORDER BY a.id)
)
SELECT count(*), min(id) FILTER (WHERE broken) FROM linked
