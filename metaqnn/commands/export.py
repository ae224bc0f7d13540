"""`metaqnn export`: write a trained network to files that work without MetaQNN."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from tqdm import tqdm

from metaqnn.commands.chosen import add_choice, chosen
from metaqnn.commands.common import add_format, add_run, folder_path
from metaqnn.output import as_json, percent, rows_as_text, shell_quoted
from state_space.errors import printable
from trainers.metric import ACCURACY, in_words

EXAMPLES = """examples:
  metaqnn export runs/NAME --to best                      the best network of the search
  metaqnn export runs/NAME --network 17 --to mine         any other network whose weights were kept
  metaqnn export runs/NAME --finetuned --to final         with the weights from `metaqnn finetune`
  metaqnn export runs/NAME --ensemble --to final          all networks of `metaqnn finetune`, averaged
  metaqnn export runs/train-NAME --to final               the network from `metaqnn train`
  metaqnn export runs/NAME --to best --formats torch      only model.py and model.safetensors

It writes model.py (the network as a module that needs only torch), model.safetensors, model.onnx, model.pt2
(torch.export), README.md and model.json. Every format is read back and must reach the accuracy that was
observed; if one does not, nothing is written. ONNX needs `pip install 'metaqnn[export]'`; without that, it is
left out, with a note.

Which network: the best one by its validation accuracy in the search, also with --finetuned, unless --rank or
--network says otherwise. Choosing the one with the lowest test error would make that error look lower than it
is. The validation images cannot tell networks of equal rank in `metaqnn top` apart."""

COLUMNS = {"file": "file", "shown_accuracy": "accuracy", "shown_correct": "correct", "sha256": "SHA-256"}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Options of `metaqnn export`."""
    add_run(parser)
    add_choice(parser)
    parser.add_argument(
        "--to", type=folder_path, metavar="DIR", required=True, help="new folder for the export"
    )
    parser.add_argument(
        "--formats",
        type=_names,
        metavar="LIST",
        help="some of torch,safetensors,onnx,pt2 (default: all whose packages are installed); the first two "
        "are always written",
    )
    add_format(parser)


def execute(namespace: argparse.Namespace) -> int:
    """Write the export and print what is in it."""
    from metaqnn.export import export_network  # torch takes seconds to import
    from metaqnn.export.exporting import PASSES_OF_CHECK
    from metaqnn.export.formats import chosen_formats

    formats = _installed() if namespace.formats is None else namespace.formats
    passes = PASSES_OF_CHECK + len(chosen_formats(formats))
    exportable = chosen(namespace)
    total = passes * len(exportable.evidence.images)
    with tqdm(total=total, unit="image", desc="check", file=sys.stderr, leave=False, disable=None) as bar:
        facts = export_network(exportable, namespace.to, formats, bar.update)
    print(_text(facts, namespace.to, namespace.format, exportable.guess_text))
    return 0


def _installed() -> list[str]:
    """The formats whose packages are installed; prints a note about each of the others."""
    from metaqnn.export.formats import FORMATS, missing_packages

    missing = {name: missing_packages(made) for name, made in FORMATS.items()}
    for name, packages in missing.items():
        if packages:
            needed = f"{' and '.join(packages)}: pip install 'metaqnn[export]'"
            print(f"note: no {FORMATS[name].file}, which needs {needed}", file=sys.stderr)
    return [name for name, packages in missing.items() if not packages]


def _text(facts: dict[str, Any], target: Path, output_format: str, guess: str) -> str:
    if output_format == "json":
        return as_json(facts)
    files = [{"file": name, **about} for name, about in facts["files"].items()]
    if output_format == "csv":
        return rows_as_text(files, "csv", COLUMNS)
    rows = [
        {
            "file": row["file"],
            "shown_accuracy": percent(row["correct"] / row["images"]),
            "shown_correct": f"{row['correct']} of {row['images']} {row['part']} images",
            "sha256": row["sha256"][:12],
        }
        for row in files
    ]
    alone = not (facts["members"] or facts["network"])  # it is from `metaqnn train`
    name = "ensemble" if facts["members"] else "network" if alone else f"network {facts['network']}"
    network = f"{name}: {printable(facts['architecture'])}"
    lines = [network, "", rows_as_text(rows, "table", COLUMNS), "", guess]
    if any(row["part"] == "validation" for row in files) and facts["metric"] != ACCURACY:
        found = f"{percent(facts['validation_accuracy'])} {in_words(facts['metric'])}"
        before = "training" if alone else "search"
        alike = f"every image counts equally here; in the {before}, every class did: {found}"
        lines[-1:] = [alike, f"in {in_words(facts['metric'])}, {guess}"]
    folder, readme = shell_quoted(target), shell_quoted(target / "README.md")
    return "\n".join([*lines, "", f"everything is in {folder}; {readme} explains how to use it"])


def _names(text: str) -> tuple[str, ...]:
    return tuple(filter(None, (part.strip() for part in text.split(","))))
