-- $1 recorded before this time
DELETE FROM annals.commands WHERE recorded_at < $1
