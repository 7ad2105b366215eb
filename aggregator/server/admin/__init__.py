"""The address of administration: what may be read and done there, and by whom."""
