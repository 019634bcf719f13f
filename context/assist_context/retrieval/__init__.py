"""Answers from an index: what a name means, who uses it, where an import leads."""
