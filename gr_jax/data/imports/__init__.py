"""Reading, checking and shaping the tables of a user."""
