"""Limits of how often: of requests by callers, and of calls to an upstream."""
