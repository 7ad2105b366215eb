"""``${…}`` in the values of a file."""
