"""Settings: their one source, where values come from, and how they are resolved."""
