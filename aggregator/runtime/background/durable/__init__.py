"""Background calls that are kept until they are delivered."""
