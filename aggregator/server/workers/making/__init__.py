"""Creation of workers: forked from a process that holds the plan, or spawned as new processes that receive it."""
