"""Model files: what there is, where it lies, how it is fetched and checked."""
