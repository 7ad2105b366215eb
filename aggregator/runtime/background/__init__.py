"""Calls that are made after the answer has left."""
