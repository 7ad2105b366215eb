"""From a method and a path to the handler of an endpoint."""
