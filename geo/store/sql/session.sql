-- The user of a session that has not ended, and whether its last request is over a minute ago.
SELECT u.id, u.name, u.role, u.areas, s.csrf, now() - s.seen_at > interval '1 minute', s.wall
FROM sessions s
JOIN users u ON u.id = s.user_id
WHERE s.digest = %(digest)s
    AND s.expires_at > now()
    AND s.seen_at > now() - make_interval(secs => %(idle_s)s)
    AND u.disabled_at IS NULL
