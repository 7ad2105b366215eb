"""What is told of requests while somebody listens: one by one, and counted each second."""
