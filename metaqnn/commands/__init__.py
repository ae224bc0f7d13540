"""The subcommands of `metaqnn`.

A subcommand's module has EXAMPLES, add_options(parser) and execute(namespace). One with many options also has
MOST_USED, the options that its --help explains; --help-all explains all. `common` and `chosen` hold what
several subcommands share, `banner` and `bars` what `run` prints.
"""
