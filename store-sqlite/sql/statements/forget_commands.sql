-- ?1 recorded before this time
DELETE FROM annals_commands WHERE recorded_at < ?1
