"""A satellite: settings and a catalogue in, a link that runs out."""
