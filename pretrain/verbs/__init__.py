"""The verbs of the command line: each a class of its flags, called to do what it is for.

What a verb calls is imported when it runs, so that ``--help`` and a wrong flag answer at once.
"""
