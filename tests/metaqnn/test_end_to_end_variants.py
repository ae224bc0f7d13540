"""A search with the variants of the authors' code, up to an export of its finetuned best network."""

import json

import pytest

from metaqnn.cli import main
from state_space import Architecture, StateSpace

VARIANTS = ("--batch-norm", "--conv-padding", "valid", "--initial-pooling", "--consecutive-pooling")
SMALL = (
    *("--schedule", "1.0:4", "--epochs", "2", "--train-limit", "300", "--validation-size", "100"),
    *("--device", "cpu", "--threads", "1", "--layer-limit", "4", "--max-fc", "3", "--quiet"),
)


@pytest.fixture
def run(tmp_path, capsys):
    """run(*arguments): what a command prints as JSON."""

    def printed(*arguments):
        capsys.readouterr()
        assert main([*arguments, "--format", "json"]) == 0
        return json.loads(capsys.readouterr().out)

    return printed


def test_networks_of_the_variants_are_searched_finetuned_and_exported(run, tmp_path):
    folder = str(tmp_path / "run")
    run("run", "--run-dir", folder, *VARIANTS, *SMALL, "--no-early-stopping", "--keep-weights", "4")
    networks = run("top", folder, "-k", "4")
    convolutions = [str(one) for row in networks for one in Architecture.parse(row["architecture"]).chosen]
    assert any(text.startswith("VB(") for text in convolutions)
    assert not any(text.startswith(("C", "V(")) for text in convolutions)
    best = networks[0]
    parsed = Architecture.parse(best["architecture"])
    assert best["parameters"] == parsed.parameters((1, 8, 8), 10)
    assert StateSpace(
        conv_widths=(8, 16, 32), pools=((3, 2), (2, 2)), fc_widths=(64, 32), max_fc=3, layer_limit=4,
        image_size=8, channels=1, conv_padding="valid", batch_norm=True, initial_pooling=True,
        consecutive_pooling=True,
    ).contains(parsed)  # fmt: skip
    exported = run("export", folder, "--to", str(tmp_path / "searched"))
    assert {*exported["files"]} == {"model.py", "model.safetensors", "model.onnx", "model.pt2"}
    run("finetune", folder, "--top", "1", "--epochs", "6", "--train-limit", "300", "--quiet")
    finetuned = run("export", folder, "--finetuned", "--to", str(tmp_path / "final"), "--formats", "torch")
    assert finetuned["architecture"] == best["architecture"]
    assert finetuned["test_accuracy"] is not None


def test_an_unknown_padding_is_one_line(tmp_path, capsys):
    assert main(["run", "--run-dir", str(tmp_path / "run"), "--conv-padding", "vaild", "--quiet"]) == 2
    errors = capsys.readouterr().err
    assert "conv_padding must be same or valid, not 'vaild'; did you mean 'valid'?" in errors
    assert len(errors.strip().splitlines()) == 1
