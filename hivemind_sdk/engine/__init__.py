"""What decides: codec, links, the life of a link, the outbox. No I/O, no thread, no clock, no event loop."""
