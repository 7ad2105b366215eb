"""Files of SQLite: one thread writes each, and what is asked for at the same time shares a transaction."""
