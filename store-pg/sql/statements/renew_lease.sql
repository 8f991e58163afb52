-- $1 name, $2 token, $3 expires at
UPDATE annals.leases SET expires_at = $3 WHERE name = $1 AND token = $2 AND NOT released
