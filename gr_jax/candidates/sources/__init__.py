"""Where candidates come from, and what each source knows of them."""
