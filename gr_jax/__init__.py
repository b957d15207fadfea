"""Generative retrieval in JAX: catalogue and logs in, served retriever out."""

__version__ = "0.1.0"
