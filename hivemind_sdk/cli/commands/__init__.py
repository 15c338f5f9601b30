"""The built-in commands, one file each: `command` is the click.Command."""
