"""What stands in the way of an export."""

from __future__ import annotations


class ExportError(ValueError):
    """A network that cannot be exported; the message is one line that says why and what would be right."""
