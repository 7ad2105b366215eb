"""One call: rendered as bytes, sent, and judged when it ends."""
