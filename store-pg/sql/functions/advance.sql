-- Moves a checkpoint on if it stands where the step begins and has the step's token. It is sent with the
-- commit, whose answer must not say that all is well when it has done nothing: so it fails.
CREATE FUNCTION annals.advance(p_name text, p_token bigint, p_from bigint, p_to bigint)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    UPDATE annals.checkpoints SET position = p_to
    WHERE name = p_name AND token = p_token AND position = p_from;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the checkpoint % is not at % with token %', p_name, p_from, p_token
            USING ERRCODE = 'ZF001';
    END IF;
END $$;
