"""The address of administration of several workers: it asks all of them, and tells what they say together."""
