"""What the last reload has changed of what is served."""
