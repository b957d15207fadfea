"""Decoder training with `transformers`' Qwen2 in torch, not compiled."""

import contextlib

import numpy as np
import torch
from torch.nn import functional as F
from transformers import Qwen2Config, Qwen2ForCausalLM

from tools.benchmarks.contender import Run


def make_float32(**options) -> Run:
  return _make(contextlib.nullcontext, **options)


def make_bfloat16(**options) -> Run:
  return _make(lambda: torch.autocast("cpu", torch.bfloat16), **options)


def _make(
  precision,
  *,
  units,
  batch,
  length,
  vocabulary,
  layers,
  width,
  heads,
  feed_forward,
  attention="sdpa",
) -> Run:
  """AdamW on the loss of all positions, embedding and head tied."""
  torch.manual_seed(0)
  config = Qwen2Config(
    vocab_size=vocabulary,
    hidden_size=width,
    intermediate_size=feed_forward,
    num_hidden_layers=layers,
    num_attention_heads=heads,
    num_key_value_heads=heads,
    max_position_embeddings=length,
    tie_word_embeddings=True,
    use_cache=False,
    attn_implementation=attention,
  )
  model = Qwen2ForCausalLM(config).train()
  optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.01)
  tokens = torch.from_numpy(
    np.random.default_rng(0).integers(vocabulary, size=(batch, length + 1))
  )

  def run():
    for _ in range(units):
      optimizer.zero_grad()
      with precision():
        logits = model(input_ids=tokens[:, :-1]).logits
        loss = F.cross_entropy(
          logits.flatten(0, 1).float(), tokens[:, 1:].flatten()
        )
      loss.backward()
      optimizer.step()
    return {"loss": loss.item()}

  return run
