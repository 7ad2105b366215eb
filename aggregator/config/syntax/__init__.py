"""What is not YAML, and what was probably meant."""
