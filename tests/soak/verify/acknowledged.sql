-- How many acknowledged events are missing, or stand elsewhere.
SELECT count(*)
FROM acknowledged AS said LEFT JOIN annals.events AS stored USING (id)
WHERE stored.position IS DISTINCT FROM said.position;
