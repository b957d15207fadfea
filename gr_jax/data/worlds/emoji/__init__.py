"""EmojiWorld: captioned scenes of real pictures with exact judges."""
