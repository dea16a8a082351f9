-- Key places without image quality, or in the boxes of grids whose coverage changed.
SELECT p.code
FROM key_places p
LEFT JOIN area_quality q ON q.layer = 'key-places' AND q.code = p.code
WHERE q.run IS NULL
    OR EXISTS (
        SELECT 1 FROM grids g WHERE g.code = ANY(%(grids)s) AND g.geometry && p.geometry
    )
ORDER BY p.code
