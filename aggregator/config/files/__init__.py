"""Files that settings name: found beside the configuration, read, and judged before they are used."""
