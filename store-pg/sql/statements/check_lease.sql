-- $1 name, $2 token. Locked, so that nobody takes it over before this transaction ends.
SELECT 1 FROM annals.leases WHERE name = $1 AND token = $2 AND NOT released FOR SHARE
