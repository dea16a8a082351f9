-- Number of change sets, and the first one that differs from its audit entry or has none.
SELECT
    count(s.id),
    min(coalesce(s.id, a.set)) FILTER (
        WHERE s.id IS NULL OR a.digest IS DISTINCT FROM change_digest(s)
    )
FROM change_sets s
FULL JOIN (
    SELECT (detail ->> 'set')::bigint AS set, detail ->> 'digest' AS digest
    FROM audit
    WHERE action = 'changed'
) a ON a.set = s.id
