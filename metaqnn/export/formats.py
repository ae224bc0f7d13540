"""The formats of an export: how each file is written, and how it is read back to classify images."""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import torch
from torch import Tensor, nn

from metaqnn.export.card import Card, ExportError
from metaqnn.export.source import model_source, named_weights
from state_space.errors import did_you_mean

Classify = Callable[[Tensor], Tensor]
"""From images in [0, 1], (n, channels, height, width), to logits (n, classes)."""
Weights = Mapping[str, Tensor]
"""As `trainers.build_network` names them."""


@dataclass(frozen=True)
class Format:
    """One way to keep a network in a file.

    Attributes:
        file: its name.
        write: writes it into a folder that holds the formats before it in `FORMATS`.
        read: reads it from there, as its users would.
        needs: packages that are not installed with MetaQNN.
    """

    file: str
    write: Callable[[Path, Card, Weights], None]
    read: Callable[[Path], Classify]
    needs: tuple[str, ...] = ()


def load_source(folder: Path) -> ModuleType:
    """The module in `model.py`, written by `model_source`, in which all text from data is in literals.

    It leaves no compiled file behind, and registers no network with timm.
    """
    spec = spec_from_file_location("model", folder / "model.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    with _leaving_no_trace():
        spec.loader.exec_module(module)
    return module


@contextmanager
def _leaving_no_trace() -> Iterator[None]:
    """Import without writing compiled files, and as if timm were not installed."""
    writes, timm = sys.dont_write_bytecode, sys.modules.get("timm.models")
    sys.dont_write_bytecode = True
    sys.modules["timm.models"] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        sys.dont_write_bytecode = writes
        del sys.modules["timm.models"]
        if timm is not None:
            sys.modules["timm.models"] = timm


def _write_safetensors(folder: Path, card: Card, weights: Weights) -> None:
    from safetensors.torch import save

    about = {"architecture": card.architecture}  # one entry: several would have another order each time
    (folder / "model.safetensors").write_bytes(save(named_weights(card, weights), metadata=about))


def _read_safetensors(folder: Path) -> Classify:
    """With the library, which checks our own reader in `model.py`."""
    from safetensors.torch import load_file

    network: nn.Module = load_source(folder).Network()
    network.load_state_dict(load_file(folder / "model.safetensors"))
    return network.eval()


def _write_source(folder: Path, card: Card, weights: Weights) -> None:
    (folder / "model.py").write_text(model_source(card), "utf-8")


def _read_source(folder: Path) -> nn.Module:
    network: nn.Module = load_source(folder).load()
    return network


def _write_onnx(folder: Path, card: Card, weights: Weights) -> None:
    import onnx

    path = folder / "model.onnx"
    torch.onnx.export(
        _read_source(folder),
        (torch.zeros(2, *card.input_shape),),
        path,
        input_names=["images"],
        output_names=["logits"],
        dynamic_shapes=({0: torch.export.Dim("batch")},),
        dynamo=True,
        external_data=False,
        verbose=False,
    )
    model = onnx.load(path)
    for node in model.graph.node:
        del node.metadata_props[:]  # which line of which file on this machine each operation comes from
    onnx.helper.set_model_props(model, {"classes": json.dumps(card.classes)})
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, path)


def _read_onnx(folder: Path) -> Classify:
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # it reads this once, when it is imported
    import onnxruntime

    session = onnxruntime.InferenceSession(folder / "model.onnx", providers=["CPUExecutionProvider"])
    return lambda images: torch.from_numpy(session.run(None, {"images": images.numpy()})[0])


def _write_pt2(folder: Path, card: Card, weights: Weights) -> None:
    program = torch.export.export(
        _read_source(folder),
        (torch.zeros(2, *card.input_shape),),
        dynamic_shapes=({0: torch.export.Dim("batch")},),
    )
    for node in program.graph.nodes:
        node.meta.pop("stack_trace", None)  # which line of which file on this machine it comes from
    content = io.BytesIO()  # PyTorch would end the process where it cannot write the file
    torch.export.save(program, content)
    (folder / "model.pt2").write_bytes(content.getvalue())


def _read_pt2(folder: Path) -> Classify:
    module: nn.Module = torch.export.load(folder / "model.pt2").module()
    return module


FORMATS = {
    "safetensors": Format("model.safetensors", _write_safetensors, _read_safetensors),
    "torch": Format("model.py", _write_source, _read_source),
    "onnx": Format("model.onnx", _write_onnx, _read_onnx, ("onnx", "onnxscript", "onnxruntime")),
    "pt2": Format("model.pt2", _write_pt2, _read_pt2),
}
"""The formats by name, in the order in which they are written."""
ALWAYS = ("safetensors", "torch")
"""What every export has: the others are made from it."""


def missing_packages(made: Format) -> list[str]:
    """The packages that a format needs and that are not installed."""
    return [package for package in made.needs if find_spec(package) is None]


def chosen_formats(names: Sequence[str]) -> dict[str, Format]:
    """The formats of those names, and those that every export has.

    Raises:
        ExportError: there is no such format, or packages are missing that it needs.
    """
    for name in names:
        if name not in FORMATS:
            raise ExportError(
                f"unknown format {name!r}{did_you_mean(name, FORMATS)}; formats are {', '.join(FORMATS)}"
            )
    chosen = {name: made for name, made in FORMATS.items() if name in (*ALWAYS, *names)}
    for name, made in chosen.items():
        if missing := missing_packages(made):
            others = ",".join(other for other in FORMATS if not FORMATS[other].needs)
            raise ExportError(
                f"the format {name} needs {' and '.join(missing)}: pip install 'metaqnn[export]', "
                f"or do without it: --formats {others}"
            )
    return chosen
