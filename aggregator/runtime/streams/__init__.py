"""Answers whose body is handed on as it arrives."""
