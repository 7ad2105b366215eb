"""The readable data of the admin address, and its sources."""
