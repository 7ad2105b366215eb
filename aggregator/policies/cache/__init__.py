"""Caches of replies and answers, and coalescing of equal calls into one."""
