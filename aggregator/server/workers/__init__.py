"""Several processes on the same addresses: a supervisor, a fork server, workers, and what they tell each other."""
