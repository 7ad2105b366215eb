"""What ``top`` and ``tail`` show of a running process for as long as one looks, and how that ends."""
