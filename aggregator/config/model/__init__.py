"""The language of ``routes.yaml`` as pydantic models; their field texts become the reference and the schema."""
