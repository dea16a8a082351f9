-- Incidents by square of degrees, fullest first: their mean position and their number.
SELECT
    round(avg(lat)::numeric, 5)::float8, round(avg(lon)::numeric, 5)::float8, count(*)::integer
{selected}
    AND lon IS NOT NULL AND {inside}
GROUP BY floor(lat / %(cell)s + 0.5), floor(lon / %(cell)s + 0.5)
ORDER BY 3 DESC
LIMIT %(limit)s
