-- Appends to different streams in one statement, each judged on its own: those whose stream is not
-- where they expect it write nothing and hurt nobody. Expected is a version, -1 for any, -2 for an
-- existing stream. Returns the head before, when it was recorded, and where each stream stood.
--
-- The counter is locked by a statement of its own, so that the next one sees what was committed
-- while it waited. An id or a key that is stored already breaks a unique index and so the whole
-- batch; the caller then looks at its appends one by one.
CREATE FUNCTION annals.append_batch(
    p_stream text[], p_expected bigint[], p_key text[], p_count integer[],
    e_append integer[], e_nth integer[], e_id uuid[], e_type text[], e_schema_version integer[],
    e_slice smallint[], e_occurred_at timestamptz[], e_payload text[], e_metadata text[],
    p_now timestamptz, p_keyed boolean, p_behind_barrier boolean,
    OUT head bigint, OUT recorded_at timestamptz, OUT before bigint[]
) LANGUAGE plpgsql
-- Planning anew for each batch would take several times as long as the batch, and a plan that was
-- made while the table was small must still be good when it is not.
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET jit = off
AS $$
DECLARE
    wanted  bigint := cardinality(e_id);
    written bigint;
    fits    boolean[];
    stood   bigint;
BEGIN
    IF p_behind_barrier THEN
        PERFORM set_config('synchronous_commit', 'off', true);
    END IF;
    UPDATE annals.counter SET position = position + wanted WHERE one
    RETURNING position - wanted INTO head;
    recorded_at := coalesce(p_now, clock_timestamp());
    IF cardinality(p_stream) = 1 THEN
        -- The same in fewer steps: an append that nobody is beside should not wait for arrays.
        SELECT e.version INTO stood FROM annals.events e
        WHERE e.stream = p_stream[1] ORDER BY e.version DESC LIMIT 1;
        before := ARRAY[coalesce(stood, 0)];
        fits := ARRAY[CASE p_expected[1] WHEN -1 THEN true WHEN -2 THEN stood IS NOT NULL
                           ELSE p_expected[1] = coalesce(stood, 0) END];
    ELSE
        SELECT array_agg(coalesce(last.version, 0) ORDER BY p.no),
               array_agg(CASE p.expected WHEN -1 THEN true WHEN -2 THEN last.version IS NOT NULL
                              ELSE p.expected = coalesce(last.version, 0) END ORDER BY p.no)
        INTO before, fits
        FROM unnest(p_stream, p_expected) WITH ORDINALITY AS p (stream, expected, no)
        LEFT JOIN LATERAL (
            SELECT e.version FROM annals.events e
            WHERE e.stream = p.stream ORDER BY e.version DESC LIMIT 1
        ) last ON true;
    END IF;
    INSERT INTO annals.events (position, stream, version, id, type, schema_version, slice,
                               recorded_at, occurred_at, payload, metadata)
    SELECT append_batch.head + row_number() OVER (), p_stream[e.append], before[e.append] + e.nth,
           e.id, e.type, e.schema_version, e.slice, append_batch.recorded_at,
           coalesce(e.occurred_at, append_batch.recorded_at), e.payload::json, e.metadata::json
    FROM unnest(e_append, e_nth, e_id, e_type, e_schema_version, e_slice, e_occurred_at, e_payload,
                e_metadata)
         AS e (append, nth, id, type, schema_version, slice, occurred_at, payload, metadata)
    WHERE fits[e.append];
    GET DIAGNOSTICS written = ROW_COUNT;
    IF written < wanted THEN
        UPDATE annals.counter SET position = position - (wanted - written) WHERE one;
    END IF;
    IF p_keyed THEN
        INSERT INTO annals.commands (key, stream, version_before, version_after, position,
                                     recorded_at)
        SELECT p.key, p.stream, append_batch.before[p.no], last.version, last.position,
               append_batch.recorded_at
        FROM unnest(p_key, p_stream, p_count) WITH ORDINALITY AS p (key, stream, count, no)
        JOIN annals.events last
          ON last.stream = p.stream AND last.version = append_batch.before[p.no] + p.count
        WHERE p.key IS NOT NULL AND last.position > append_batch.head;
    END IF;
END $$;
