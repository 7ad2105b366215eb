"""Caches shared by several processes: a purge in one is a purge in all."""
