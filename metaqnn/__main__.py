"""`python -m metaqnn` is `metaqnn`."""

import sys

from metaqnn.cli import main

if __name__ == "__main__":
    sys.exit(main())
