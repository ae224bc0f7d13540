"""The subcommands of `metaqnn`: each module has EXAMPLES, add_options(parser) and execute(namespace).

A module with many options also has MOST_USED: those that its --help explains; --help-all explains all.
"""
