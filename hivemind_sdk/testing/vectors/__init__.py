"""The vector runner: `python -m hivemind_sdk.testing.vectors FILE...` (docs/reference/vectors.md)."""
