"""What is worked out from a plan by walking its values."""
