"""TLS to upstreams: contexts, files, handshakes, and a transport over OpenSSL."""
