"""The settings of calls: of parts of an answer, of the items of a list, and of those that run in the background."""
