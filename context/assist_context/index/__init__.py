"""The index of a workspace: which definitions, references and imports its files have."""
