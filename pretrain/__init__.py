"""The program: collect frames, train an encoder, probe it, report."""
