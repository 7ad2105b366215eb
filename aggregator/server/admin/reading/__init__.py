"""What can be read at the address of administration, and of whom it is asked."""
