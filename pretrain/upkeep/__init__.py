"""What maintainers call: the check of labels, galleries, ready-made encoders."""
