"""From the checked model to the plan: pure, frozen, comparable; all that can be decided at load is decided here."""
