-- $1 name, $2 token, $3 where it must stand, $4 where it goes
SELECT annals.advance($1, $2, $3, $4)::text
