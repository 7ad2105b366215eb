"""Requests that are sent twice and answered once."""
