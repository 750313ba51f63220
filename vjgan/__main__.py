"""``python -m vjgan``."""

from vjgan.cli import main

main()
