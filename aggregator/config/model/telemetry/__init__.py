"""What the server tells of itself: metrics, the log, traces, and what all of them hide."""
