"""Answers by idempotency key in a server that machines share."""
