-- How many events do not stand in their stream where their position puts them.
SELECT count(*)
FROM (SELECT version, row_number() OVER (PARTITION BY stream ORDER BY position) AS place
      FROM annals.events) AS numbered
WHERE version <> place;
