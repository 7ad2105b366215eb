"""Metrics: families with their meaning, the numbers behind them, and the text that a scraper reads."""
