"""What every command is tested with."""

import pytest

from metaqnn.cli import main


@pytest.fixture
def printed(capsys):
    """What a command prints; it must succeed silently."""

    def printed(*arguments):
        assert main([str(argument) for argument in arguments]) == 0
        captured = capsys.readouterr()
        assert captured.err == ""
        return captured.out

    return printed
