SELECT position, clock_timestamp() FROM annals.counter FOR UPDATE
