"""Settings → plan, one file for each kind of thing; the only part of ``plan`` that sees the configuration."""
