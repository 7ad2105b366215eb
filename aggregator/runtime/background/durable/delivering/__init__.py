"""Delivering durable effects: where to, when, and what becomes of them."""
