"""Simple rankers, fitted on the training period, that a model must beat."""
