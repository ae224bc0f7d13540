"""The configuration of a search: options, presets, epsilon schedule, environment."""
