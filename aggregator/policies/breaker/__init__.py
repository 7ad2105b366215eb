"""Breakers: an upstream that keeps failing is left alone for a while, and then tried by one call."""
