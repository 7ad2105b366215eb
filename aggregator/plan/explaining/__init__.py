"""A plan in words: what is called in which order, by when, and what failures become."""
