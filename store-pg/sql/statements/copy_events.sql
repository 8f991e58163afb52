COPY annals.events (position, stream, version, id, type, schema_version, slice, recorded_at,
                    occurred_at, payload, metadata) FROM STDIN (FORMAT binary)
