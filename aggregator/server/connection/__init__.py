"""The connection of a client: limits on what it sends, time limits, and the way without ASGI."""
