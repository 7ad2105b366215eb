"""The plan as a FastAPI application: routes, generations, reload, documents, probes."""
