-- The last event's place and time; nothing is ever removed, so its place is also the counter.
SELECT position, recorded_at FROM annals_events ORDER BY position DESC LIMIT 1
