"""`python -m hivemind_sdk`: the same as `hivemind-client`."""

from .cli import main

main()
