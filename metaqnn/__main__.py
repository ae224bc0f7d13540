"""`python -m metaqnn` is `metaqnn`."""

from __future__ import annotations

import sys

from metaqnn.cli import main

if __name__ == "__main__":
    sys.exit(main())
