"""What is computed of long values is computed in a thread, before whoever needs it goes on in the loop."""
