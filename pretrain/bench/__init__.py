"""The benchmark: games x methods x seeds at one budget, resumable, from rows to tables."""
