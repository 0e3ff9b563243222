"""The program: collect frames, train an encoder, probe it, report. See ``python -m pretrain -h``."""
