-- $1 name, $2 token
UPDATE annals.leases SET released = true WHERE name = $1 AND token = $2 AND NOT released
