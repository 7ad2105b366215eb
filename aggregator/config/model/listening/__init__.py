"""Where the server listens, for whom, and how connections begin there."""
