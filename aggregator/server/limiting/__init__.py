"""How much of the server its clients may have at once: requests under way, and connections."""
