-- Count a wrong password. From the number `free` on the account is locked, for twice as long
-- each time and for 15 minutes at most.
UPDATE users SET
    failures = failures + 1,
    locked_until = CASE
        WHEN failures + 1 >= %(free)s THEN now() + least(
            interval '15 minutes', interval '30 seconds' * 2 ^ (failures + 1 - %(free)s)
        )
        ELSE locked_until
    END
WHERE id = %(user)s
