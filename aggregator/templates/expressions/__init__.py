"""Expressions: parsed, checked against an allow-list, compiled, evaluated on data."""
