-- Delete coverage before a run if a newer row up to that run replaces it, or its grid is deleted.
DELETE FROM grid_coverage c
WHERE run < %(oldest)s
    AND (
        EXISTS (
            SELECT 1 FROM grid_coverage n
            WHERE n.grid = c.grid AND n.run > c.run AND n.run <= %(oldest)s
        )
        OR NOT EXISTS (SELECT 1 FROM grids g WHERE g.code = c.grid)
    )
