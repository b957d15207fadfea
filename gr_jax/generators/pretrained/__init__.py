"""Decoders with weights from outside, in Qwen2's or Llama's arrangement."""
