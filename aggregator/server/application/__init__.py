"""The FastAPI application: ``create_app``, probes, documents."""
