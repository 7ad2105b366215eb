"""Degradation: what a server under pressure does without."""
