"""The index of each workspace, kept up to date by one process that is niced and may be killed at any moment."""
