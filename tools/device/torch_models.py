"""`transformers`' Qwen2 at the sizes of our decoders, random weights."""

import torch
from transformers import Qwen2Config, Qwen2ForCausalLM

from tools.benchmarks.generator import Sizes
from tools.device.torch_device import device


def make_model(sizes: Sizes, dtype: torch.dtype, *, positions: int):
  """Qwen2, made on the device in `dtype`; its head is its embedding."""
  config = Qwen2Config(
    vocab_size=sizes.vocabulary,
    hidden_size=sizes.width,
    intermediate_size=sizes.feed_forward,
    num_hidden_layers=sizes.layers,
    num_attention_heads=sizes.heads,
    num_key_value_heads=sizes.kv_heads,
    max_position_embeddings=positions,
    tie_word_embeddings=True,
    bos_token_id=None,
    eos_token_id=None,
    pad_token_id=0,
    attn_implementation="sdpa",
  )
  before = torch.get_default_dtype()
  torch.set_default_dtype(dtype)
  try:
    with device():
      return Qwen2ForCausalLM(config)
  finally:
    torch.set_default_dtype(before)
