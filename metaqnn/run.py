"""`python -m metaqnn.run` is `metaqnn run`."""

from __future__ import annotations

import sys

from metaqnn.cli import main

if __name__ == "__main__":
    sys.exit(main(["run", *sys.argv[1:]]))
