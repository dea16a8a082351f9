-- Delete files that no job waits for, some time after they were sent and their last job ended.
DELETE FROM uploads u
WHERE u.uploaded_at < now() - interval '7 days'
    OR (
        u.uploaded_at < now() - make_interval(mins => %(minutes)s)
        AND NOT {awaited}
        AND NOT EXISTS (
            SELECT
            FROM jobs j
            WHERE j.about->>'upload' = u.id
                AND j.finished_at > now() - make_interval(mins => %(minutes)s)
        )
    )
