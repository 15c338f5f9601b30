"""`python -m hivemind_sdk.testing.vectors`."""

from .cli import main

main(prog_name="python -m hivemind_sdk.testing.vectors")
