"""Who may call: networks, schemes and guards, as gates of a request."""
