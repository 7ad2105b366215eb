"""Ways in which callers are known, a file for those that are alike, and what a scheme says around its kind."""
