"""What a code action does."""
