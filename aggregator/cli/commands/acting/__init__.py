"""Commands that change what a running process does, by its address of administration."""
