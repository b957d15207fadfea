"""Dense retrieval: items by the product with a state, SASRec."""
