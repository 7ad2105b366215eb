"""The page of the address of administration: three files that hold no data, and ask for it."""
