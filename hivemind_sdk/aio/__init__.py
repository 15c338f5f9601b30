"""The asyncio shell around the engine: link loop, sender, callbacks and requests as tasks of one event loop."""
