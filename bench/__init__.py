"""Measurements: ``python -m bench`` (or ``make bench``) prints a table and writes JSON."""

import vjgan as vjgan  # before numpy, as in the program: it says how many threads that starts
