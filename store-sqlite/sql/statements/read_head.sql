-- The position of the last event.
SELECT head FROM annals_log
