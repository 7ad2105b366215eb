"""RFC 9111: replies are kept as long as those who sent them say."""
