"""Settings of upstreams: how they are reached, what they are sent."""
