"""What make does if a step of the installation fails."""

import subprocess
from pathlib import Path

MAKEFILE = Path(__file__).parents[1] / "Makefile"
PYTHON = """#!/bin/sh
[ "$1" = -c ] && exit 0
mkdir -p .venv/bin && ln -sf /bin/sh .venv/bin/python
echo "ensurepip is not available" && exit 1
"""


def test_an_environment_that_could_not_be_made_is_made_again(tmp_path):
    """Where Debian's python3-venv is missing, `python -m venv` fails, but leaves a Python without pip."""
    python = tmp_path / "python"
    python.write_text(PYTHON)
    python.chmod(0o755)
    command = ["make", "-f", MAKEFILE, f"PYTHON={python}", "search"]
    for _ in range(2):
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert (done.returncode, "ensurepip" in done.stdout) == (2, True)
