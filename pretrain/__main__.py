"""``python -m pretrain``: the same as the console script ``slotenv-pretrain``."""

from pretrain.cli import main

if __name__ == "__main__":
    main()
