"""Idempotent endpoints: a request that comes again gets the answer that it got."""
