"""Items that may answer a request, and what is known of each."""
