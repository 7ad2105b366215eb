"""Tokens of authorization servers: asked for once for all calls, and used by a door that is around the pool."""
