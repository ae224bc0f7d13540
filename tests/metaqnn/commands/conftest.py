"""Fixtures for the tests of all commands."""

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


@pytest.fixture
def refused(capsys):
    """refused(*arguments): the one line with which a command is refused, with code 2."""

    def refused(*arguments):
        capsys.readouterr()
        try:
            code = main([str(argument) for argument in arguments])
        except SystemExit as exit_:
            code = exit_.code
        captured = capsys.readouterr()
        assert code == 2
        assert captured.out == ""
        (line,) = captured.err.splitlines()
        return line

    return refused
