"""What the distribution metaqnn requires; everything else about it is in pyproject.toml.

It requires metaqnn-predictor, the distribution in the folder `predictor`. In a checkout, that is this very
folder: `pip install .` finds it beside, as metaqnn-predictor is on no package index. The source distribution
has no such folder (MANIFEST.in), so that wheels made from it require the same version from an index.
"""

from __future__ import annotations

import tomllib
from pathlib import Path

from setuptools import setup

ROOT = Path(__file__).resolve().parent
PREDICTOR = ROOT / "predictor"
REQUIREMENTS = [
    "torch>=2.4",
    "torchvision>=0.19",
    "numpy>=1.26",
    "pandas>=2.2",
    "scipy>=1.11",
    "scikit-learn>=1.6",
    "sqlalchemy>=2.0",
    "alembic>=1.13",
    "threadpoolctl>=3.0",
    "tqdm>=4.66",
    "filelock>=3.13",
    "lazy-loader>=0.4",
    "joblib>=1.3",
    "matplotlib>=3.8",
    "pillow>=10.1",
    "platformdirs>=4.0",
    "tabulate>=0.9",
    "altair>=6.0",
    "vl-convert-python>=1.9",
    "jinja2>=3.1",
    "starlette>=1.0",
    "uvicorn>=0.30",
    "safetensors>=0.4",
    "shtab>=1.7",
]


def predictor() -> str:
    """The requirement of metaqnn-predictor."""
    if PREDICTOR.is_dir():
        return f"metaqnn-predictor @ {PREDICTOR.as_uri()}"
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    return f"metaqnn-predictor=={version}"


setup(install_requires=[*REQUIREMENTS, predictor()])
