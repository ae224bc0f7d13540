"""What a search came to, read from its database."""
