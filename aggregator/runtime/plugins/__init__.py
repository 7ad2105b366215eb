"""Functions of users, and the threads for those that block."""
