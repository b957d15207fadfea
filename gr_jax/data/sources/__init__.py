"""One file per source of a catalogue and its logs."""
