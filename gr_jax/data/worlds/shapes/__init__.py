"""ShapesWorld: captioned scenes of shapes with exact judges."""
