"""Durable effects at the address of administration."""
