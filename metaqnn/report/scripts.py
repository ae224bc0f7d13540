"""The scripts that draw charts in the browser, in the colours of a light or a dark page."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

import platformdirs
import vl_convert

from metaqnn.figures.style import DARK
from trainers.files import write_whole

VERSION = (
    f"{vl_convert.get_vega_version()}-{vl_convert.get_vega_embed_version()}-{version('vl-convert-python')}"
)
SNIPPET = "window.vegaEmbed = vegaEmbed;"
"""The last line of the bundled script."""
PLACE = "/* colours */ {}"
"""Where the script of the themes has its colours."""


@cache
def bundle() -> bytes:
    """Vega, Vega-Lite and Vega-Embed, from vl-convert.

    Bundling them takes seconds, so the script is kept in the user's cache folder.
    """
    folder = Path(platformdirs.user_cache_dir("metaqnn"))
    file = folder / f"vega-embed-{VERSION}.js"
    with suppress(OSError):  # it is not there, or the folder is another user's
        return file.read_bytes()
    script = vl_convert.javascript_bundle(SNIPPET).encode()
    with suppress(OSError):  # the next process bundles it again
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(file, script, aside=f"{file.name}.{os.getpid()}")
    return script


def theme_script() -> str:
    """JavaScript with `embedThemed` and `whenThemeChanges`, which needs `vegaEmbed`."""
    script = (files("metaqnn.report") / "templates" / "theme.js").read_text("utf-8")
    return script.replace(PLACE, json.dumps(DARK))
