"""Message brokers as upstreams: requests of background calls become messages, sent by the client of each broker."""
