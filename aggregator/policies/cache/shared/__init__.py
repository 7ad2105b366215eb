"""What is kept by several processes: a purge of one is a purge of all."""
