"""Metrics of the running server: counted from events, read from what runs, answered as text."""
