"""The store of one machine: kept by one process for others, over sockets between them."""
