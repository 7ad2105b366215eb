"""Settings held against the models and all rules, and what is wrong in the words of whoever wrote the file."""
