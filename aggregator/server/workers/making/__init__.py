"""How workers are made: forked off a process that holds the plan, or spawned as new processes that are told it."""
