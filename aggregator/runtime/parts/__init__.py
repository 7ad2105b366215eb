"""The pieces of an answer: fan-outs, groups, items, alternatives, and what wraps them."""
