"""What the processes of a machine, or of several, share."""
