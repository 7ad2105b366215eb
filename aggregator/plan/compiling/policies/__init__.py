"""What policies are compiled to, one file a policy."""
