"""What the docstrings of this project need before Sphinx reads them."""

from sphinx.application import Sphinx


def without_type(app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]) -> None:
    """Keep napoleon from taking text for a type: our types are in the signatures.

    The sentence about a property does not begin on the first line, where "type: text" is looked for.
    """
    if what in ("property", "attribute"):
        lines[:0] = ["..", ""]  # an empty comment


def readable_defaults(
    app: Sphinx,
    what: str,
    name: str,
    obj: object,
    options: object,
    signature: str | None,
    returns: str | None,
) -> tuple[str | None, str | None]:
    """A default that a dataclass makes is written `<factory>`, which Sphinx cannot read."""
    return signature and signature.replace("<factory>", "..."), returns


def setup(app: Sphinx) -> dict[str, bool]:
    """Before napoleon, which is connected with 500."""
    app.connect("autodoc-process-docstring", without_type, priority=400)
    app.connect("autodoc-process-signature", readable_defaults)
    return {"parallel_read_safe": True}
