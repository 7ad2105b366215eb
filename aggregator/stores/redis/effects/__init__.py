"""Durable effects in Redis or Valkey, which machines share."""
