-- ?1 recorded before this time, ?2 how many
DELETE FROM annals_commands WHERE key IN
    (SELECT key FROM annals_commands WHERE recorded_at < ?1 ORDER BY recorded_at LIMIT ?2)
