"""`python -m hivemind_sdk.testing.vectors`."""

from .cli import main

raise SystemExit(main())
