"""The text of files as plain values that know where they are written."""
