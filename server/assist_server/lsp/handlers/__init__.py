"""One file an LSP method."""
