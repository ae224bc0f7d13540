"""What is measured is told at once: the machine with a GPU may be taken back before the end."""

import compilation
import pytest


def test_each_network_is_told_before_the_next_is_measured(monkeypatch, capsys):
    told = []

    def row(subject, *_):
        told.append(capsys.readouterr().out)
        if len(told) == 3:
            raise KeyboardInterrupt
        return [subject.name, *"1234567"]

    monkeypatch.setattr(compilation, "start_compiler", lambda *_: 1.0)
    monkeypatch.setattr(compilation, "row", row)
    monkeypatch.setattr("sys.argv", ["compilation.py"])
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", "as before")  # main sets another one
    with pytest.raises(KeyboardInterrupt):
        compilation.main()
    first, *_ = compilation.SUBJECTS
    assert "the compiler started in 1.0 s" in told[0]
    assert told[1] == f"| {first.name} | 1 | 2 | 3 | 4 | 5 | 6 | 7 |\n"
