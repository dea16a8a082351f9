SELECT
    code, sum(received)::float AS received, sum(due)::float AS due,
    sum(closed_in_time)::float AS closed_in_time, sum(rated)::float AS rated,
    coalesce(sum(satisfaction * rated), 0) / 100 AS rating
FROM service_quality
WHERE level = 'grid'
    AND month > (SELECT max(month) FROM service_quality) - make_interval(months => %(months)s)
GROUP BY code
ORDER BY code
