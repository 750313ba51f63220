"""``vjgan`` and ``python -m vjgan``: the command line as a program of its own."""

from __future__ import annotations

import os
import sys
import threading
from typing import NoReturn

from vjgan.cli import main


def program() -> NoReturn:
    """Run the command line, and leave."""
    try:
        main()
    except SystemExit as end:
        _leave(end)


def _leave(end: SystemExit) -> NoReturn:
    """End the process; at once where a thread has not come back from a model or a device, since
    the interpreter's own end would take it from under the native library, which then aborts."""
    if all(thread is threading.main_thread() for thread in threading.enumerate()):
        raise end
    if isinstance(end.code, str):
        print(end.code, file=sys.stderr)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(end.code if isinstance(end.code, int) else int(end.code is not None))


if __name__ == "__main__":
    program()
