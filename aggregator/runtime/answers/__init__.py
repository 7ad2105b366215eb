"""From the results of parts, or from a failure, to the answer of the client."""
