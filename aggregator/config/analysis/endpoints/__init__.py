"""An endpoint as its declarations say: its key, its methods, what a client may send, and who may call it."""
