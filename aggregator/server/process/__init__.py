"""The process: socket, signals, memory, start, and what an operator is told."""
