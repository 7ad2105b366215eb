"""What the file says of the server: where it listens, its limits, what each of its answers carries."""
