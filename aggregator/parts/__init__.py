"""The contract of a part: its surroundings, the names it may use, and its result. What runs and policies know of it."""
