"""One file checked, one request answered, without serving."""
