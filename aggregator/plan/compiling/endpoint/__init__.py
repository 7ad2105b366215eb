"""What belongs to an endpoint itself: who may call it, what it takes, what it answers."""
