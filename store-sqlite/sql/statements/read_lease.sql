-- ?1 name
SELECT holder, token, expires_at, released FROM annals_leases WHERE name = ?1
