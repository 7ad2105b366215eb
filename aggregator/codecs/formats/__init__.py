"""The formats other than JSON, both ways."""
