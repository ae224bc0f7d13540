"""What the docstrings of this project need before Sphinx reads them."""

import re

from sphinx.application import Sphinx


def without_type(app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]) -> None:
    """Keep napoleon from taking text for a type: our types are in the signatures.

    `name : text` of a NumPy docstring becomes a name with the text below it, and the sentence about a
    property does not begin on the first line, where "type: text" is looked for.
    """
    if what in ("property", "attribute"):
        lines[:0] = ["..", ""]  # an empty comment
    for index, line in reversed(list(enumerate(lines))):
        entry = re.fullmatch(r"(\w+(?:, \w+)*) : (.+)", line)
        if entry and any(re.fullmatch("-{5,}", before) for before in lines[:index]):
            *others, last = entry[1].split(", ")
            see = [line for other in others for line in (other, f"    see {last}")]
            below = lines[index + 1].strip() if index + 1 < len(lines) else ""
            stop = "." if len(entry[2]) < 40 and re.match("[A-Z`]", below) else ""  # a type, then a sentence
            lines[index : index + 1] = [*see, last, f"    {entry[2]}{stop}"]


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
