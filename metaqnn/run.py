"""`python -m metaqnn.run` is `metaqnn run`."""

import sys

from metaqnn.cli import main

if __name__ == "__main__":
    sys.exit(main(["run", *sys.argv[1:]]))
