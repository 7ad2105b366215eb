"""How many calls one request may make, and how many bytes it may fetch."""
