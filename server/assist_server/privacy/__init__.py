"""What may leave this machine, and the record of it."""
