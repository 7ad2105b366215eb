"""Durable effects: side effects that are written down before they are delivered, in one SQLite file."""
