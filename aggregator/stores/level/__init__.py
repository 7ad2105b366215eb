"""What processes keep for each other: values by key, each of which a purge of one of its tags ends."""
