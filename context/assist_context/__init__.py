"""The pure engine of assist: documents, prompts and diffs, with no I/O of its own."""
