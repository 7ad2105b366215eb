"""A declarative API aggregator: routes.yaml in, FastAPI application out."""
