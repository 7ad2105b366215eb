"""As whom upstreams are called: headers that are known at load, tokens that are fetched, requests that are signed."""
