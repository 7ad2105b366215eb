"""What the process reports to operators: log lines that are safe to print, metrics, traces, a stalled event loop."""
