"""The stages of a retrieval run; each leaves one artefact."""
