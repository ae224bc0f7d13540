"""The subcommands of `metaqnn`: each module has EXAMPLES, add_options(parser) and execute(namespace)."""
