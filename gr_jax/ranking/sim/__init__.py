"""SIM: a click model with search-based user interests."""
