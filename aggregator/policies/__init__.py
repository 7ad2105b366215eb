"""One package a policy: its settings, plan, behaviour, metrics and diagnostics; and the registry of their state."""
