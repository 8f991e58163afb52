-- $1 type, $2 version, $3 the schema it replaces, $4 schema
UPDATE annals.schemas SET schema = $4 WHERE type = $1 AND version = $2 AND schema = $3
