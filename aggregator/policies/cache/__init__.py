"""What is kept of replies and answers, and calls that are made once for all who wait for the same."""
