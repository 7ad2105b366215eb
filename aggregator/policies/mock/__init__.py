"""Mocks: an upstream that does not exist yet, and faults on purpose of one that does."""
