-- ?1 stream
SELECT version, position FROM annals_events WHERE stream = ?1 ORDER BY version DESC LIMIT 1
