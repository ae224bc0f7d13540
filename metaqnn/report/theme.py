"""The script that draws charts in the colours of a light or a dark page."""

from __future__ import annotations

import json
from importlib.resources import files

from metaqnn.figures.style import DARK

PLACE = "/* colours */ {}"
"""Where the script has its colours."""


def theme_script() -> str:
    """JavaScript with `embedThemed` and `whenThemeChanges`, which needs `vegaEmbed`."""
    script = (files("metaqnn.report") / "templates" / "theme.js").read_text("utf-8")
    return script.replace(PLACE, json.dumps(DARK))
