-- ?1 stream, ?2 version
SELECT position FROM annals_events WHERE stream = ?1 AND version = ?2
