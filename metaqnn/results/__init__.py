"""The results of a search, read from its database."""
