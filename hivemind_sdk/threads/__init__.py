"""The blocking shell around the engine, and the only package that starts threads."""
