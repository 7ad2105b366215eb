"""What to write instead: unknown keys, values of the wrong kind, words of other tools."""
