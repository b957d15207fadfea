"""A catalogue that changes while it is served."""
