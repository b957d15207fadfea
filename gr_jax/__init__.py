"""Generative retrieval in JAX: catalogue and logs in, served retriever out."""

__version__ = "0.2.0"
