"""Recall of what the index reads out of real sources, against the real parsers of their languages."""
