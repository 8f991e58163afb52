-- ?1 name, ?2 holder, ?3 token, ?4 expires at, ?5 released
INSERT INTO annals_leases (name, holder, token, expires_at, released)
VALUES (?1, ?2, ?3, ?4, ?5)
ON CONFLICT (name) DO UPDATE SET
    holder = excluded.holder, token = excluded.token,
    expires_at = excluded.expires_at, released = excluded.released
