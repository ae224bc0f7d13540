"""A search as one self-contained HTML page, with its figures as PNG files beside it."""
