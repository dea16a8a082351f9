-- Number of findings that are stored row by row, most first.
SELECT layer, aspect, finding, owner, count(*)::integer AS rows
FROM register_findings
WHERE %(area)s::text IS NULL OR %(area)s IN (grid, community, subdistrict, district)
GROUP BY 1, 2, 3, 4
ORDER BY rows DESC, layer, aspect, finding, owner
