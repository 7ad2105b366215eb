"""Listening sockets, TCP, Unix and inherited, and the steps of a connection before its first request."""
