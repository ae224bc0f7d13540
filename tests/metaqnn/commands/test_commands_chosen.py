"""Which network a command takes, and one line for an option that chooses where there is no choice."""

import pytest

from metaqnn.cli import main
from metaqnn.session.run_folder import TRAINING


@pytest.mark.parametrize(
    "choice",
    [["--rank", "2"], ["--network", "7"], ["--finetuned"], ["--recipe", "x"], ["--networks", "3", "8"]],
)
@pytest.mark.parametrize("command", [["export", "--to", "best"], ["predict"]])
def test_one_network_leaves_no_choice(command, choice, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "trained").mkdir()
    (tmp_path / "trained" / TRAINING).write_text("{}")
    (tmp_path / "photo.png").touch()
    name, *options = command
    images = ["photo.png"] if name == "predict" else []
    assert main([name, "trained", *images, *options, *choice]) == 2
    assert capsys.readouterr().err == (
        f"metaqnn: error: {choice[0]} chooses among networks of a search, but 'trained' is the folder of "
        "`metaqnn train`, with only one\n"
    )
    assert not (tmp_path / "best").exists()


def test_members_are_chosen_of_an_ensemble_alone(finished_run, tmp_path, refused):
    target = tmp_path / "best"
    line = refused("export", finished_run.path, "--to", target, "--networks", 3, 8)
    assert line.endswith("--networks chooses the members of an ensemble: add --ensemble")
