SELECT position FROM annals.counter WHERE one
