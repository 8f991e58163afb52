-- How many positions are missing.
SELECT coalesce(max(position), 0) - count(*) FROM annals.events;
