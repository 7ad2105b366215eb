"""An endpoint taken apart for the rules: its calls, its order, and every template with the names in its scope."""
