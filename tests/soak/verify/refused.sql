-- How many events are there whose append was refused.
SELECT count(*) FROM refused JOIN annals.events USING (id);
