-- $1 what is read and then written. One transaction at a time, also where there is no row yet.
SELECT pg_advisory_xact_lock(hashtextextended($1, 0))::text
