-- Appends to different streams in one statement, each judged on its own: those whose stream is not
-- where they expect it write nothing and hurt nobody. Expected is a version, -1 for any, -2 for an
-- existing stream. Returns the head before, when it was recorded, and where each stream stood.
--
-- The log is locked by a statement of its own, so that the next one sees what was committed while it
-- waited. An id or a key that is stored already breaks a unique index and so the whole batch; the
-- caller then looks at its appends one by one.
--
-- Arrays are asked for their elements: PL/pgSQL keeps them taken apart, and `unnest` of ten arrays
-- costs as much again as the rows.
CREATE FUNCTION annals.append_batch(
    p_stream text[], p_expected bigint[], p_key text[], p_fingerprint bytea[],
    p_count integer[],
    e_append integer[], e_nth integer[], e_id uuid[], e_type text[], e_schema_version integer[],
    e_slice smallint[], e_occurred_at timestamptz[], e_payload json[], e_metadata json[],
    p_now timestamptz, p_keyed boolean, p_channel text,
    OUT head bigint, OUT recorded_at timestamptz, OUT before bigint[]
) LANGUAGE plpgsql
-- Planning anew for each batch would take several times as long as the batch, and a plan that was
-- made while the table was small must still be good when it is not.
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET jit = off
AS $$
DECLARE
    total integer := cardinality(e_id);
    fits  boolean[];
    -- The place of each event among those that are written; null when all are.
    nth   integer[];
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('annals.log', 0));
    SELECT last.position, last.recorded_at INTO head, recorded_at
    FROM annals.events last ORDER BY last.position DESC LIMIT 1;
    head := coalesce(head, 0);
    -- No event is recorded before the one that precedes it, whatever the clock says.
    recorded_at := greatest(coalesce(p_now, clock_timestamp()), recorded_at);
    SELECT array_agg(coalesce(p.version, 0) ORDER BY p.no),
           array_agg(CASE p_expected[p.no] WHEN -1 THEN true WHEN -2 THEN p.version IS NOT NULL
                          ELSE p_expected[p.no] = coalesce(p.version, 0) END ORDER BY p.no)
    INTO before, fits
    FROM (
        SELECT no, (SELECT e.version FROM annals.events e
                    WHERE e.stream = p_stream[no] ORDER BY e.version DESC LIMIT 1) AS version
        FROM generate_series(1, cardinality(p_stream)) AS no
        OFFSET 0
    ) AS p;
    IF false = ANY (fits) THEN
        nth := ARRAY (SELECT count(*) FILTER (WHERE fits[e_append[i]]) OVER (ORDER BY i)
                      FROM generate_series(1, total) AS i ORDER BY i);
    END IF;
    INSERT INTO annals.events (position, stream, version, id, type, schema_version, slice,
                               recorded_at, occurred_at, payload, metadata)
    SELECT append_batch.head + coalesce(nth[i], i), p_stream[e_append[i]],
           append_batch.before[e_append[i]] + e_nth[i], e_id[i], e_type[i], e_schema_version[i],
           e_slice[i], append_batch.recorded_at,
           coalesce(e_occurred_at[i], append_batch.recorded_at), e_payload[i], e_metadata[i]
    FROM generate_series(1, total) AS i
    WHERE fits[e_append[i]];
    IF p_keyed THEN
        INSERT INTO annals.commands (key, stream, version_before, version_after, position,
                                     recorded_at, fingerprint)
        SELECT p.key, p.stream, append_batch.before[p.no], last.version, last.position,
               append_batch.recorded_at, p_fingerprint[p.no]
        FROM unnest(p_key, p_stream, p_count) WITH ORDINALITY AS p (key, stream, count, no)
        JOIN annals.events last
          ON last.stream = p.stream AND last.version = append_batch.before[p.no] + p.count
        WHERE p.key IS NOT NULL AND last.position > append_batch.head;
    END IF;
    IF p_channel IS NOT NULL THEN
        PERFORM pg_notify(p_channel, (append_batch.head + coalesce(nth[total], total))::text);
    END IF;
END $$;
