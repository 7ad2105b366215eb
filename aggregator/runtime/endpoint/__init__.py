"""One endpoint, ready to serve."""
