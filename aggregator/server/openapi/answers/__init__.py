"""The answers of an endpoint as they stand in the OpenAPI document."""
