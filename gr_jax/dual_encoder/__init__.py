"""The dual encoder that generative retrieval is compared with (DPR)."""
