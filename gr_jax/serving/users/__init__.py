"""What users of a server did, as it was sent to it."""
