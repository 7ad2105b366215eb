"""What is sent to upstreams, in words: requests as they would be written, and messages to brokers."""
