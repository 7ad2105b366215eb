"""How a request to an upstream is written: its target, its fields, its body."""
