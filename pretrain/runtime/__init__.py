"""What every verb runs on: lock, signals, progress, metrics log, workers."""
