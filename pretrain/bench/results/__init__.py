"""What becomes of rows: read, averaged, set in tables and plots."""
