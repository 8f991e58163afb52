SELECT position FROM annals.counter
