-- Record an attempt to deliver a message. Without a delay after it, the message is given up.
UPDATE webhook_deliveries SET
    attempts = attempts + 1,
    answer = %(answer)s,
    delivered_at = CASE WHEN %(done)s THEN clock_timestamp() END,
    next_at = CASE
        WHEN %(done)s OR %(delay)s::integer IS NULL THEN NULL
        ELSE clock_timestamp() + make_interval(secs => %(delay)s)
    END
WHERE id = %(id)s
