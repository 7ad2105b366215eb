"""Background calls that outlive the process."""
