-- What writers and the subscription said, to be joined with the log.
CREATE TEMP TABLE acknowledged (id uuid, position bigint);
CREATE TEMP TABLE refused (id uuid, position bigint);
CREATE TEMP TABLE watched (id uuid, position bigint);
