"""HTTP at the border to clients: who they are, what browsers may do, how bodies are coded. Values in, values out."""
