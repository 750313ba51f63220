"""The commands that are groups or long to declare; each module is one, joined in `cli.py`."""
