-- How many events the subscription was not given, was given elsewhere, or was given and are not there.
SELECT count(*)
FROM watched FULL JOIN annals.events AS stored USING (position)
WHERE watched.id IS DISTINCT FROM stored.id;
