"""What is printed of the machine."""

import numpy as np
from machine import described, seconds


def test_a_line_tells_what_is_used_and_which_versions():
    line = described("numpy", used="one used")
    assert "cores, one used; load average" in line
    assert line.endswith(f", numpy {np.__version__}")
    assert "cores; load average" in described()


def test_a_job_is_done_once():
    done = []
    assert seconds(lambda: done.append(1)) >= 0
    assert done == [1]
