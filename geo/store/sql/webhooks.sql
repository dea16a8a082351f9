SELECT
    w.url,
    count(d.id) FILTER (WHERE d.delivered_at IS NOT NULL) AS delivered,
    count(d.id) FILTER (WHERE d.next_at IS NOT NULL) AS waiting,
    count(d.id) FILTER (WHERE d.delivered_at IS NULL AND d.next_at IS NULL) AS given_up,
    (array_agg(d.answer ORDER BY d.created_at DESC) FILTER (WHERE d.answer IS NOT NULL))[1] AS last_answer
FROM webhooks w
LEFT JOIN webhook_deliveries d ON d.webhook = w.id
GROUP BY w.id, w.url
ORDER BY w.url
