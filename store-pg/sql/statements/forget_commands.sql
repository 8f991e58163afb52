-- $1 recorded before this time, $2 how many
DELETE FROM annals.commands WHERE key = ANY (ARRAY(
    SELECT key FROM annals.commands WHERE recorded_at < $1 ORDER BY recorded_at LIMIT $2
))
