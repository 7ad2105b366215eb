"""The supervisor: workers as it knows them, reloads of all of them, and what it tells of them together."""
