"""One file a model server."""
