"""What is generated from the models: the reference, the JSON Schema, the starter files."""
