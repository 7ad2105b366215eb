"""What is done to each answer before it is sent, also to one that refuses or fails."""
