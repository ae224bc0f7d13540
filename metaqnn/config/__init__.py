"""What a search is asked to do: its options, presets, epsilon schedule, and where it runs."""
