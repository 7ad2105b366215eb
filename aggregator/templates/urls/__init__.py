"""URL templates and path patterns, compiled to bytes."""
