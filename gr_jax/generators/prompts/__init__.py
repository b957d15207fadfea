"""From rows of requests to the states of a prompt."""
