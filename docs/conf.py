"""Sphinx's configuration: `python -m sphinx -W -n -b html docs build/docs`. Nothing is fetched."""

import os
import sys
from pathlib import Path

from sphinx.ext.autodoc.mock import mock

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE / "_ext")]

os.environ.setdefault("KERAS_BACKEND", "torch")  # for its callback, which is in the reference
# Slow to import. `autodoc_mock_imports` is not enough: it ends before base classes are looked at.
mock(["lightning", "ray"]).__enter__()

import metaqnn  # noqa: E402 - found by the lines above

project = "MetaQNN"
author = "The MetaQNN developers"
copyright = "the MetaQNN developers"
version = release = metaqnn.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "commands", "docstrings"]
exclude_patterns = ["_ext"]
html_theme = "furo"
html_title = f"MetaQNN {release}"
html_static_path: list[str] = []
smartquotes = False  # would make a dash of the two before an option

highlight_language = "text"  # of code blocks without a language: command lines and tables
default_role = "literal"  # docstrings mark code with single backticks
myst_heading_anchors = 3
myst_enable_extensions = ["attrs_inline"]

autodoc_member_order = "bysource"
autodoc_default_options = {
    "members": True,
    "exclude-members": "set_fit_request, set_predict_request, set_score_request, set_transform_request",
}  # what scikit-learn adds to each estimator
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
python_maximum_signature_line_length = 88
napoleon_use_ivar = True
napoleon_attr_annotations = False
napoleon_use_rtype = False

# Types of other libraries: no inventory is fetched.
THIRD_PARTY = "numpy|np|npt|torch|nn|sklearn|optuna|ray|lightning|keras|sqlalchemy|altair|alt|PIL"
STANDARD = "abc|collections|contextlib|pathlib|os|argparse|typing|enum|datetime|multiprocessing|concurrent"
nitpick_ignore_regex = [("py:.*", rf"({THIRD_PARTY}|{STANDARD})\..*"), ("py:class", "LightningModule")]
nitpick_ignore = [
    ("py:class", "metaqnn.search.agent.Node"),  # what a path is made of concerns the agent alone
    ("py:class", "metaqnn.search.agent.Step"),
    ("py:class", "Description"),  # `trainers.training.Description`: anything that its trainer can build
]
