-- Writes down every key that is parked, so that one that heals is known too.
CREATE TABLE annals.story_of_parked (consumer text NOT NULL, key text NOT NULL, reason text NOT NULL);
CREATE FUNCTION annals.note_parked() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO annals.story_of_parked VALUES (NEW.consumer, NEW.key, NEW.reason);
    RETURN NULL;
END $$;
CREATE TRIGGER note AFTER INSERT ON annals.annals_parked_keys
    FOR EACH ROW EXECUTE FUNCTION annals.note_parked();
