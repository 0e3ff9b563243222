"""Data folders, run records and who plays: written by collect, read by everything else."""
