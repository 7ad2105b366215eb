"""Routing: one of several services, chosen for each request by a key of it."""
