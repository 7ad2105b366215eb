"""The last failed and slow requests: what is remembered of them, without secrets, and how it is shown."""
