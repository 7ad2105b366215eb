"""Live events of requests while a client listens: one by one, and counted each second."""
