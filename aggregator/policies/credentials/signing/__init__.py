"""Requests that are signed: by the rules of AWS, or with a shared secret; and the door that does it."""
