"""What maintainers call: galleries of labels and slots, ready-made encoders."""
