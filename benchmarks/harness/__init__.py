"""The benchmark: peers side by side on loopback, measured turn by turn. ``run.py`` is its command."""
