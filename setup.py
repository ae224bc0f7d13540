"""What the distribution metaqnn requires; everything else about it is in pyproject.toml.

It requires the packages in pyproject.toml's `tool.metaqnn` and metaqnn-predictor, the distribution in the
folder `predictor`. In a checkout, that is this very folder: `pip install .` finds it beside, as
metaqnn-predictor is on no package index. The source distribution has no such folder (MANIFEST.in), so that
wheels made from it require the same version from an index.
"""

from __future__ import annotations

import tomllib
from pathlib import Path

from setuptools import setup

ROOT = Path(__file__).resolve().parent
PREDICTOR = ROOT / "predictor"
FACTS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def predictor() -> str:
    """The requirement of metaqnn-predictor."""
    if PREDICTOR.is_dir():
        return f"metaqnn-predictor @ {PREDICTOR.as_uri()}"
    return f"metaqnn-predictor=={FACTS['project']['version']}"


setup(
    install_requires=[*FACTS["tool"]["metaqnn"]["requirements"], predictor()],
    # Else modules that are gone would remain in wheels that are built in a checkout.
    options={"aliases": {"bdist_wheel": "clean --all bdist_wheel"}},
)
