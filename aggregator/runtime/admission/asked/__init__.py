"""Schemes that ask somebody else: the issuer of a token, or an upstream."""
