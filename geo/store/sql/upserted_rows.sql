-- Insert or update staged rows in the order of the key, so that two transactions with the same
-- rows never wait for each other.
WITH done AS (
    INSERT INTO {table} ({columns})
    SELECT {columns} FROM staging ORDER BY {key}
    ON CONFLICT ({key}) DO UPDATE SET {updates}
    WHERE ({old}) IS DISTINCT FROM ({new})
    RETURNING {returned}, (xmax = 0) AS inserted
)
SELECT {result} FROM done
