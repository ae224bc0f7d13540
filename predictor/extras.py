"""Optional packages that some models and rules need."""

from __future__ import annotations

import importlib
from types import ModuleType

from predictor.errors import PredictorError


class MissingPackageError(PredictorError):
    """A package is not installed; the message names it and says how to install it."""


def require(package: str, needed_by: str, install: str | None = None) -> ModuleType:
    """The imported package; raises `MissingPackageError` if it is not installed.

    Args:
        package: to import.
        needed_by: what needs it, for the message.
        install: what pip is to install; None for a package of the same name.
    """
    try:
        return importlib.import_module(package)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] != package.split(".")[0]:
            raise  # the package is installed, but something it needs is not
        raise MissingPackageError(
            f"{needed_by} needs the package {package!r}, which is not installed: "
            f"pip install '{install or package}'"
        ) from None
