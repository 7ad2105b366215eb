"""HTTP/1.1 as bytes: requests, framing, content codings, bodies."""
