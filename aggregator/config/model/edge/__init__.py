"""What clients meet at the edge: what answers carry, cookies, prefixes, the end of a version."""
