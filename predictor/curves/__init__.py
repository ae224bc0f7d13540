"""Learning curves as data, and readers of the files that hold them."""
