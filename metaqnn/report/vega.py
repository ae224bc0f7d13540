"""The script that draws charts in the browser: Vega, Vega-Lite and Vega-Embed bundled, from vl-convert."""

from __future__ import annotations

import os
from contextlib import suppress
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path

import platformdirs
import vl_convert

from trainers.files import write_whole

VERSION = (
    f"{vl_convert.get_vega_version()}-{vl_convert.get_vega_embed_version()}-{version('vl-convert-python')}"
)
SNIPPET = "window.vegaEmbed = vegaEmbed;"
"""The last line of the script."""


@lru_cache(maxsize=1)
def bundle(cache: Path | None = None) -> bytes:
    """The script. Bundling it takes seconds, so it is kept in the user's cache folder.

    Args:
        cache: the cache folder; the user's by default.
    """
    folder = cache or Path(platformdirs.user_cache_dir("metaqnn"))
    file = folder / f"vega-embed-{VERSION}.js"
    with suppress(OSError):  # it is not there, or the folder is another user's
        return file.read_bytes()
    script = vl_convert.javascript_bundle(SNIPPET).encode()
    with suppress(OSError):  # the next process bundles it again
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(file, script, aside=f"{file.name}.{os.getpid()}")
    return script
