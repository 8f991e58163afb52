-- Writes down every change of a checkpoint. Its row is locked meanwhile, so they come in the order of their
-- commits.
CREATE TABLE annals.story_of_checkpoints (
    n        bigserial PRIMARY KEY,
    name     text   NOT NULL,
    token    bigint NOT NULL,
    position bigint NOT NULL
);
CREATE FUNCTION annals.note_checkpoint() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO annals.story_of_checkpoints (name, token, position)
    VALUES (NEW.name, NEW.token, NEW.position);
    RETURN NULL;
END $$;
CREATE TRIGGER note AFTER INSERT OR UPDATE ON annals.checkpoints
    FOR EACH ROW EXECUTE FUNCTION annals.note_checkpoint();
