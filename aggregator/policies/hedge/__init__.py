"""Hedges: a call that takes longer than most is sent a second time, and the first good answer wins."""
