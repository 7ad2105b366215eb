"""From plan and request to bytes. Never imports ``config``: only the plan crosses."""
