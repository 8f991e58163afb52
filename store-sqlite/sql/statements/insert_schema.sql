-- ?1 type, ?2 version, ?3 family, ?4 schema
INSERT INTO annals_schemas (type, version, family, schema) VALUES (?1, ?2, ?3, ?4)
ON CONFLICT DO NOTHING
