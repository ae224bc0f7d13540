"""The subcommands of `metaqnn`.

The module of a subcommand has EXAMPLES, add_options(parser) and execute(namespace); with many options also
MOST_USED: those that its --help explains; --help-all explains all. `common`, `chosen`, `banner` and `bars`
are what several of them share, or what `run` prints.
"""
