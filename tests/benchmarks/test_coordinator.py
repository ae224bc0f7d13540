"""Searches with simulated workers."""

import sys

import coordinator


def test_a_start_that_is_kept_is_a_start_again(tmp_path, monkeypatch, capsys):
    options = ["--networks", "12", "--start", "10", "--workers", "1,2", "--every", "2"]
    monkeypatch.setattr(sys, "argv", ["coordinator.py", *options, "--folder", str(tmp_path)])
    for _ in range(2):
        coordinator.main()
        lines = [line.split()[:2] for line in capsys.readouterr().out.splitlines()[3:]]
        assert ["1", "12"] in lines
        assert ["2", "12"] in lines
