"""Search for the most probable semantic IDs of a catalogue."""
