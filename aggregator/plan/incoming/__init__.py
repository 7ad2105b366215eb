"""What comes in, as data: where connections are taken, what callers must show, and what they may send."""
