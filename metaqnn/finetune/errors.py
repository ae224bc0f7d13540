"""What goes wrong for reasons that the user can change."""

from __future__ import annotations


class FinetuningError(ValueError):
    """Networks that cannot be trained for long as asked; the message is one line."""
