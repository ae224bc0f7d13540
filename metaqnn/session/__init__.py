"""From a configuration and a run folder to a search that is ready to run."""
