"""Review of a diff."""
