-- What time it is, and when the last event was recorded.
SELECT clock_timestamp(), (SELECT recorded_at FROM annals.events ORDER BY position DESC LIMIT 1)
