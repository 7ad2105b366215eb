"""What the process tells its operators: log lines that are safe to print, and a loop that stands still."""
