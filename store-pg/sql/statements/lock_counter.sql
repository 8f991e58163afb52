SELECT position, clock_timestamp() FROM annals.counter WHERE one FOR UPDATE
