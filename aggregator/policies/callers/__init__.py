"""How many requests of one caller are answered at once."""
