"""From an origin to a connection: names, sockets, TLS, and how long what was opened is good for."""
