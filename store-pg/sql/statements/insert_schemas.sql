-- $1 types, $2 versions, $3 families, $4 schemas
INSERT INTO annals.schemas (type, version, family, schema)
SELECT * FROM unnest($1, $2, $3, $4) ON CONFLICT DO NOTHING
