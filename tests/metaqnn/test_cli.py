"""The command line as a whole: exit codes, and one line for every mistake."""

import errno
import io
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from importlib import import_module

import pytest

from metaqnn import cli
from metaqnn.session.run_folder import RunFolderError
from trainers.families import FAMILIES


def run(arguments):
    """The exit code, however the program ends."""
    try:
        return cli.main(arguments)
    except SystemExit as exit_:
        return exit_.code


def test_python_does_not_look_for_garbage_when_a_command_has_ended():
    """That took a core 1.5 s after the last line of an interrupted search: PyTorch is large."""
    program = (
        "import atexit, gc; atexit.register(lambda: print(gc.get_freeze_count() > 1000)); "
        "from metaqnn import cli; cli.main(['--version'])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.stdout.split()[-1] == "True"


BEYOND = [
    ["top", "x", "-k"],
    ["show", "x"],
    ["finetune", "x", "--top"],
    ["finetune", "x", "--networks"],
    ["finetune", "x", "--seeds"],
    ["finetune", "x", "--train-limit"],
    ["export", "x", "--to", "y", "--network"],
    ["export", "x", "--to", "y", "--rank"],
    ["dashboard", "x", "--port"],
    ["run", "--keep-weights"],
]
"""Words that a number follows."""
NAMELESS = [
    ["top", ""],
    ["ls", ""],
    ["dashboard", ""],
    ["run", "--run-dir", ""],
    ["run", "--resume="],
    ["run", "--tensorboard", ""],
    ["report", "x", "--to", ""],
    ["export", "x", "--to="],
]
UNREASONABLE = [
    ("--epochs", "1e12"),
    ("--epochs", "1000000000000"),
    ("--replays", "1000000000"),
    ("--threads", "100000"),
    ("--batch-size", "1" + "0" * 30),
    ("--learning-rate", "1e999"),
    ("--epoch-timeout", "nan"),
]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["tpo"], "'tpo' is not one of run, ls, top, "),
        (["tpo"], "; did you mean 'top'?"),
        (["--bogus"], "COMMAND"),
        (["run", "--bogus"], "unknown argument: --bogus (see"),
        (["run", "--bathc-size", "3"], "unknown arguments: --bathc-size 3; did you mean '--batch-size'?"),
        (["run", "--lr=0.1"], "unknown argument: --lr=0.1; did you mean '--learning-rate'?"),
        (["train", "[SM(10)]", "--lr-decay", "0.5"], "; did you mean '--decay-factor'?"),
        (["run", "--presett=laptop"], "unknown argument: --presett=laptop; did you mean '--preset'?"),
        (["top", "x", "y"], "unknown argument: y (see"),
        (["run", "--executor", "rya"], "--executor is 'rya'; it must be local or ray; did you mean 'ray'?"),
        (["run", "--preset", "labtop"], "; did you mean 'laptop'?"),
        (["run", "--dataset", "CIFAR01"], "; did you mean 'cifar10'?"),
        (["run", "--schedule", "1.0=5"], "write it like 1.0:100"),
        (["run", "--resume", "a", "--run-dir", "b"], "not allowed with argument"),
        (["top"], "RUN"),
        (["top", "x", "-k", "0"], "'0' is not a whole number from 1 to 1000000"),
        (["top", "x", "--format", "xml"], "'xml' is not one of table, json, csv (see"),
        (["top", "x", "--format", "jsn"], "'jsn' is not one of table, json, csv; did you mean 'json'?"),
        (["show", "x", "first"], "first"),
        *((words, "'' is not the name of a folder; . is the current one") for words in NAMELESS),
        *(([*words, "9" * 20], "is not a whole number from ") for words in BEYOND),
        *((["run", name, value], "is not a ") for name, value in UNREASONABLE),
    ],
)
def test_bad_arguments_exit_2_with_one_line(capsys, arguments, said):
    assert run(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    (line,) = captured.err.splitlines()
    assert line.startswith("metaqnn")
    assert ": error: " in line
    assert said in line


@pytest.mark.parametrize("arguments", [[], ["--help"]])
def test_help_lists_every_command(capsys, arguments):
    assert run(arguments) == 0
    text = capsys.readouterr().out
    assert all(name in text for name in cli.COMMANDS)


@pytest.mark.parametrize("program", ["metaqnn", "predictor"])
def test_the_module_with_the_commands_is_the_program_itself(program):
    """Whoever runs `python -m metaqnn.cli` must not get nothing at all."""
    command = [sys.executable, "-m", f"{program}.cli", "--version"]
    assert subprocess.run(command, capture_output=True, text=True).stdout == f"{program} 0.1.0\n"


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_every_command_explains_itself_with_examples(capsys, name):
    assert run([name, "--help"]) == 0
    what = {"run": "--dataset cifar10", "completion": "bash >", "ls": ""}.get(name, "runs/NAME")
    assert f"metaqnn {name} {what}" in capsys.readouterr().out


def test_the_first_line_of_help_keeps_names_as_they_are_written(capsys):
    assert run(["export", "--help"]) == 0
    assert "\nWrite a trained network as PyTorch source, safetensors and ONNX.\n" in capsys.readouterr().out


def test_the_version_is_printed(capsys):
    assert run(["--version"]) == 0
    assert capsys.readouterr().out.startswith("metaqnn 0.")


def test_what_standard_output_has_no_characters_for_is_written_in_ascii(monkeypatch, run_copy):
    """As with PYTHONIOENCODING=ascii, and for names that are no text on any terminal."""
    with closing(sqlite3.connect(run_copy.database)) as connection, connection:
        connection.execute("UPDATE networks SET architecture = 'größer ' || number")
    for output_format, shown in (
        ("csv", r"gr\xf6\xdfer"),
        ("table", r"gr\xf6\xdfer"),
        ("json", r"gr\u00f6\u00dfer"),
    ):
        written = io.BytesIO()
        monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding="ascii"))
        assert cli.main(["top", str(run_copy.path), "--format", output_format]) == 0
        assert shown in written.getvalue().decode("ascii")


@pytest.mark.parametrize("arguments", [["top", "x", "\x1b]0;pwned\x07"], ["\x1b]0;pwned\x07"]])
def test_words_that_are_repeated_are_shown_and_not_obeyed(capsys, arguments):
    """A shell may have found them, as in `metaqnn top *`."""
    assert run(arguments) == 2
    shown = capsys.readouterr().err
    assert r"\x1b]0;pwned\x07" in shown
    assert "\x1b" not in shown


def test_reasons_are_shown_and_not_obeyed(monkeypatch, capsys):
    def fail(arguments):
        raise RunFolderError("in use by \x1b]0;pwned\x07")

    monkeypatch.setattr(cli, "_dispatch", fail)
    assert cli.main(["top"]) == 2
    assert capsys.readouterr().err == "metaqnn: error: in use by \\x1b]0;pwned\\x07\n"


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["tune", "--help"], ["ls", "."]])
def test_a_full_disk_under_standard_output_is_one_line(monkeypatch, capsys, arguments):
    class Full(io.StringIO):
        def write(self, _):
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("sys.stdout", Full())
    monkeypatch.setattr(cli, "drop", lambda stream: None)
    assert cli.main(arguments) == 2
    expected = "metaqnn: error: the results cannot be written: No space left on device\n"
    assert capsys.readouterr().err == expected


@pytest.mark.parametrize("command", ["top", "ls", "report . --to", "audit"])
def test_a_name_that_is_too_long_for_the_system_is_one_line(finished_run, monkeypatch, capsys, command):
    monkeypatch.chdir(finished_run.path)
    assert cli.main([*command.split(), "x" * 300]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("metaqnn: error: ")
    assert "x" * 50 in line
    assert "Errno" not in line


def test_ctrl_c_exits_130(monkeypatch):
    def interrupt(arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "_dispatch", interrupt)
    assert cli.main(["top"]) == 130


@pytest.mark.parametrize(("why", "said"), [("", ""), ("31 GiB are not there", ": 31 GiB are not there")])
def test_too_little_memory_is_one_line(monkeypatch, capsys, why, said):
    def fail(arguments):
        raise MemoryError(*filter(None, [why]))

    monkeypatch.setattr(cli, "_dispatch", fail)
    assert cli.main(["top"]) == 2
    assert capsys.readouterr().err == f"metaqnn: error: not enough memory{said}\n"


def test_a_library_that_does_not_fit_is_one_line(monkeypatch, capsys):
    def fail(arguments):
        raise ImportError("libtorch_cpu.so: failed to map segment from shared object")  # under ulimit -v

    monkeypatch.setattr(cli, "_dispatch", fail)
    assert cli.main(["run"]) == 2
    assert capsys.readouterr().err == (
        "metaqnn: error: not enough memory for a library (ulimit -v), or its folder is noexec: "
        "libtorch_cpu.so: failed to map segment from shared object\n"
    )


@pytest.mark.parametrize("error", [ValueError("a bug"), KeyError("a bug"), ImportError("a bug")])
def test_an_error_of_the_program_is_not_hidden(monkeypatch, error):
    def fail(arguments):
        raise error

    monkeypatch.setattr(cli, "_dispatch", fail)
    with pytest.raises(type(error), match="a bug"):
        cli.main(["top"])


def test_a_reader_that_has_gone_is_no_error(finished_run):
    program = "import sys; from metaqnn.cli import main; sys.exit(main(sys.argv[1:]))"
    process = subprocess.Popen(
        [sys.executable, "-c", program, "top", str(finished_run.path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    process.stdout.close()
    assert process.stderr.read() == ""
    process.stderr.close()
    assert process.wait() == 0


@pytest.mark.parametrize("command", ["run", "tune", "train", "finetune"])
def test_help_explains_what_is_used_most_and_help_all_everything(command, capsys):
    module = import_module(f"metaqnn.commands.{command}")
    texts = []
    for flag in ("--help", "--help-all"):
        with pytest.raises(SystemExit) as end:
            cli.main([command, flag])
        assert end.value.code == 0
        texts.append(capsys.readouterr().out)
    short, whole = texts
    flags = [name for name in module.MOST_USED if name.startswith("--")]
    assert re.findall(r"^  (--[a-z-]+)", short.replace("--help-all", ""), re.MULTILINE) == flags
    assert 8 <= len(flags) <= 13
    assert short.startswith(f"usage: metaqnn {command} [OPTION ...]")
    for text in texts:
        assert module.EXAMPLES in text
        assert "--help-all" in text
    assert "--precision" not in short
    assert "--precision" in whole
    assert len(short) < 0.7 * len(whole)


def test_every_group_of_options_is_named_by_the_short_help(capsys):
    with pytest.raises(SystemExit):
        cli.main(["run", "--help"])
    short = " ".join(capsys.readouterr().out.split())
    for title in ("run folder, data", "copies, updated as networks end", "workers (", "search options ("):
        assert title in short.partition("--help-all shows all others: ")[2]


def test_the_help_of_the_training_of_one_network_speaks_of_no_family(capsys):
    """Only families are trained on texts."""
    with pytest.raises(SystemExit):
        cli.main(["train", "--help-all"])
    words = re.findall(r"[\w-]+", capsys.readouterr().out)
    assert not {*FAMILIES, "text", "ptb"} & {*words}


def test_termination_while_a_command_is_being_loaded_is_a_line_and_exit_code_130(monkeypatch, capsys):
    signal.signal(signal.SIGTERM, signal.SIG_DFL)

    def load(_):
        assert callable(signal.getsignal(signal.SIGTERM))  # otherwise it would kill the tests
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(1)

    monkeypatch.setattr(cli, "import_module", load)
    assert cli.main(["tune"]) == 130
    assert capsys.readouterr().err == "\ninterrupted\n"
