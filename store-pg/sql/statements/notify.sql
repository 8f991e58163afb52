-- $1 channel, $2 head
SELECT pg_notify($1, $2)::text
