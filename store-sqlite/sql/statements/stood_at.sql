-- ?1 stream, ?2 position. At which version the stream stood before it.
SELECT coalesce(max(version), 0) FROM annals_events WHERE stream = ?1 AND position < ?2
