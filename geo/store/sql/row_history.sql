-- Changes of one row of a register, newest first. A row that was added has no changed row.
SELECT s.id AS change_set, s.at, s.actor, r.was, r.now
FROM change_sets s
LEFT JOIN changed_rows r ON r.change_set = s.id AND r.key = %(key)s
WHERE s.layer = %(layer)s AND (r.key IS NOT NULL OR s.added @> ARRAY[%(key)s])
ORDER BY s.id DESC
LIMIT %(limit)s
