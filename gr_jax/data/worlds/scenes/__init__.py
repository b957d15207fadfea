"""What worlds of captioned scenes share: groups, places, the best pairing."""
