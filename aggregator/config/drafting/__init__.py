"""A first routes.yaml for a service of one's own: out of a curl command, an OpenAPI document or answers."""
