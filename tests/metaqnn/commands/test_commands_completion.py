"""`metaqnn completion` in a real bash."""

import shutil
import subprocess

import pytest

from metaqnn.cli import COMMANDS, main
from metaqnn.commands.completion import known_names

# What bash does at the Tab key: it calls the function that `complete` has registered.
TAB = """
source "$1"; shift
function=$(complete -p metaqnn | sed 's/.*-F \\([^ ]*\\) metaqnn/\\1/')
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_LINE="$*"; COMP_POINT=${#COMP_LINE}
"$function" metaqnn "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.fixture(scope="module")
def script(tmp_path_factory):
    """The script for bash, in a file."""
    file = tmp_path_factory.mktemp("completion") / "metaqnn"
    with pytest.MonkeyPatch.context() as patch, file.open("w") as stream:
        patch.setattr("sys.stdout", stream)
        assert main(["completion", "bash"]) == 0
    return file


@pytest.fixture
def completed(script, tmp_path):
    """completed(words): what bash offers for the last word, in a folder with a run folder and a file."""
    if shutil.which("bash") is None:
        pytest.skip("bash is not installed")
    (tmp_path / "digits-run").mkdir()
    (tmp_path / "digits.txt").touch()

    def offered(*words):
        command = ["bash", "--norc", "-c", TAB, "bash", str(script), "metaqnn", *words]
        done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=True)
        assert done.stderr == ""
        return done.stdout.split()

    return offered


def test_commands_are_offered(completed):
    assert completed("") == list(COMMANDS)
    assert completed("to") == ["top"]


def test_options_of_a_command_are_offered(completed):
    assert set(completed("top", "--max")) == {"--max-parameters", "--max-macs"}
    assert completed("export", "--fine") == ["--finetuned"]


def test_choices_and_known_names_are_offered(completed):
    assert completed("top", "--format", "") == ["table", "json", "csv"]
    assert completed("run", "--dataset", "cifar") == ["cifar10", "cifar100"]
    assert completed("run", "--preset", "") == ["paper", "laptop", "first-run"]
    assert completed("tune", "--preset", "") == completed("train", "--preset", "") == ["paper", "laptop"]
    assert completed("run", "--stopping", "rank") == ["rank-envelope"]
    assert completed("run", "--preset", "l") == ["laptop"]


def test_folders_and_files_of_images_are_offered_beside_the_names_of_data_sets(completed):
    for command in ("run", "train", "tune"):
        assert set(completed(command, "--dataset", "dig")) == {"digits", "digits-run", "digits.txt"}
        assert "cifar10" in completed(command, "--dataset", "")


@pytest.mark.parametrize(
    "words",
    [("top",), ("show",), ("predict",), ("ls",), ("train",), ("run", "--resume"), ("tune", "--resume")],
)
def test_latest_is_offered_where_it_stands_for_a_run(completed, words):
    assert completed(*words, "la") == ["latest"]
    assert set(completed(*words, "")) == {"digits-run", "latest"}
    assert completed("export", "--to", "la") == []


@pytest.mark.parametrize("words", [("top",), ("export",), ("run", "--resume"), ("show",)])
def test_folders_are_offered_where_a_run_is_wanted(completed, words):
    assert completed(*words, "dig") == ["digits-run"]


def test_files_are_offered_where_images_are_wanted(completed):
    assert set(completed("predict", "digits-run", "dig")) == {"digits-run", "digits.txt"}


def test_zsh_gets_every_command(capsys):
    """Not run here: zsh is rarely installed."""
    assert main(["completion", "zsh"]) == 0
    text = capsys.readouterr().out
    assert text.startswith("#compdef metaqnn\n")
    assert all(f"    {name}:" in text for name in COMMANDS)
    if shutil.which("zsh"):
        subprocess.run(["zsh", "-n"], input=text, text=True, check=True)


def test_names_are_offered_for_options_that_there_are(capsys):
    for name in known_names():
        with pytest.raises(SystemExit):
            main(["run", f"--{name}"])
        assert "expected one argument" in capsys.readouterr().err
