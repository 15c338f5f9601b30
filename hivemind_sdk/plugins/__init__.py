"""From installed entry points to a catalogue of plugins, and the objects that they create."""
