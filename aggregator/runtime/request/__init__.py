"""What the client sent: inputs, body, request id, and whether it is still there."""
