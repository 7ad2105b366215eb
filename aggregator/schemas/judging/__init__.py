"""Values held against a schema: validators, what is told of a value that does not fit, and what judging costs."""
