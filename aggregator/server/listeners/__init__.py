"""Where connections come in: sockets of TCP and Unix, inherited ones, and what happens before the first request."""
