"""The context of a trace: how it is read from a request and written into calls."""
