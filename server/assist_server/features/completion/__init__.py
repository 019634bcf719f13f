"""Ghost text and completion items."""
