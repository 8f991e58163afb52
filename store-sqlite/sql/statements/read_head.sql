-- The position of the last event; nothing is ever removed, so it is also the counter.
SELECT coalesce(max(position), 0) FROM annals_events
