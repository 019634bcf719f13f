"""What every layer may use: errors, logs, clock, folders, hardware."""
