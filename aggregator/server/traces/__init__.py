"""Traces of requests for a collector: a listener, and a thread that makes spans and sends them."""
