SELECT
    j.id, j.task, j.about, j.asked_by, j.asked_at, j.started_at, j.finished_at, j.attempts,
    j.step, j.steps,
    CASE
        WHEN j.ended IS NOT NULL THEN j.ended
        WHEN q.status = 'cancelled' THEN 'cancelled'
        WHEN q.status = 'doing' AND q.abort_requested THEN 'cancelling'
        WHEN q.status = 'doing' THEN 'running'
        WHEN q.status = 'todo' THEN 'waiting'
        WHEN q.status = 'succeeded' THEN 'done'
        ELSE 'failed'
    END,
    -- The preview of a file is long, and left out of a list of jobs.
    CASE
        WHEN j.outcome IS NOT NULL OR j.ended IS NOT NULL
            THEN CASE WHEN %(job)s::bigint IS NULL THEN j.outcome - 'sample' - 'preview' ELSE j.outcome END
        WHEN q.status IN ('failed', 'aborted')
            THEN jsonb_build_object('reason', %(cut_off)s::text, 'reason_zh', %(cut_off_zh)s::text)
    END,
    j.report IS NOT NULL
FROM jobs j
LEFT JOIN procrastinate_jobs q ON q.id = j.id
WHERE %(job)s::bigint IS NULL OR j.id = %(job)s
ORDER BY j.id DESC
LIMIT %(limit)s
