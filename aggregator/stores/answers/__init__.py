"""Answers by idempotency key: who may make one, and what it was, for whoever sends the request again."""
