-- How many events were recorded before their predecessor.
SELECT count(*)
FROM (SELECT recorded_at, lag(recorded_at) OVER (ORDER BY position) AS before FROM annals.events) AS beside
WHERE recorded_at < before;
