-- $1 name, $2 holder, $3 now, $4 expires at. No row comes back when another holds it.
INSERT INTO annals.leases AS held (name, holder, token, expires_at, released)
VALUES ($1, $2, 1, $4, false)
ON CONFLICT (name) DO UPDATE SET
    holder = excluded.holder, expires_at = excluded.expires_at, released = false,
    token = held.token + CASE WHEN held.holder = excluded.holder AND NOT held.released THEN 0 ELSE 1 END
WHERE held.released OR held.holder = excluded.holder OR held.expires_at <= $3
RETURNING token
