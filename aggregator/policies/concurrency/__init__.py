"""Concurrency: how many calls an upstream has to carry at once, and who waits for a place."""
