"""Retries: a call that failed is sent again, within its time, its budget and reason."""
