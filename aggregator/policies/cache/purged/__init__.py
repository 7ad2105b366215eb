"""The last purges, and whether they concern a fetch under way."""
