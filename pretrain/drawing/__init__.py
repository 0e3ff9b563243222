"""What report, watch and galleries draw with: marks, boxes and attention on frames."""
