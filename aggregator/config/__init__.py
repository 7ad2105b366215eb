"""From the text of routes.yaml to checked settings, with a place in the file for every problem."""
