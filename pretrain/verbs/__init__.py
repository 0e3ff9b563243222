"""The verbs of the command line: a file each, with its flags and what it calls.

What a verb calls is imported when it runs, so that ``--help`` and a wrong flag answer at once.
"""
