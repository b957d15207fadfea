"""Tokenizers: item vectors in, semantic IDs out."""
