"""What was purged lately, and what that says of things under way."""
