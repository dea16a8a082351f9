-- Open an alert for every grid and category that has none, highest score first.
INSERT INTO alerts (category, grid, run, since, observed, expected, score)
SELECT
    category, grid, %(run)s, coalesce(alert_since, weeks_from), alert_observed, alert_expected,
    alert_score
FROM grid_patterns
WHERE alert
ORDER BY alert_score DESC, category, grid
ON CONFLICT (category, grid) WHERE ended_at IS NULL DO NOTHING
RETURNING id
