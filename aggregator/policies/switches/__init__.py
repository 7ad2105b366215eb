"""Switches: what an operator, or a calendar, has taken out of service."""
