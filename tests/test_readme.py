"""The README's Python example runs as written, on a search of its own."""

import re
import subprocess
import sys
from pathlib import Path

from metaqnn.cli import main

ROOT = Path(__file__).parents[1]


def test_the_python_example_runs_on_a_search(tmp_path):
    small = ("--schedule", "1.0:25", "--epochs", "4", "--train-limit", "300", "--validation-size", "100")
    small += ("--conv-widths", "8", "--fc-widths", "16", "--layer-limit", "4", "--device", "cpu", "--quiet")
    assert main(["run", "--run-dir", str(tmp_path / "NAME"), "--no-early-stopping", *small]) == 0
    [example] = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), flags=re.DOTALL)
    code = example.replace("runs/NAME", str(tmp_path / "NAME"))
    shown = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert re.match(r"(True|False) 0\.\d+ p\(y_T no better than", shown)
