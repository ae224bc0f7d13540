"""A trained network as files that work without MetaQNN: Python source, safetensors, ONNX, torch.export."""

from __future__ import annotations

from metaqnn.export.card import Card, ExportError
from metaqnn.export.exportable import Exportable, ranked, searched
from metaqnn.export.exporting import export_network
from metaqnn.export.finetuned import ensemble, finetuned

__all__ = [
    "Card",
    "ExportError",
    "Exportable",
    "ensemble",
    "export_network",
    "finetuned",
    "ranked",
    "searched",
]
