"""The only place where an HTTP client is made."""
