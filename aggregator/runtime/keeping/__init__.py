"""Whole answers that are kept: their keys, and what a client gets of one."""
