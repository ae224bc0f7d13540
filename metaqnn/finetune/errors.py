"""What goes wrong for reasons that the user can change."""


class FinetuningError(ValueError):
    """Networks that cannot be trained for long as asked; the message is one line."""
