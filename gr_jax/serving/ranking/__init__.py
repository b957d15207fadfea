"""A trained ranker behind HTTP."""
