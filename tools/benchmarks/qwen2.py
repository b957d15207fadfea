"""`transformers`' Qwen2 in torch, not compiled: its training, its retrieval.

Retrieval is `generate` with beams and a dictionary trie.
"""

import numpy as np
import torch
from torch.nn import functional as F
from transformers import (
  LogitsProcessor,
  PrefixConstrainedLogitsProcessor,
  Qwen2Config,
  Qwen2ForCausalLM,
)

from tools.benchmarks.contender import Run
from tools.benchmarks.generator import Sizes
from tools.benchmarks.search_model import weights
from tools.benchmarks.trie import dictionary_trie


def _config(sizes: Sizes, **more) -> Qwen2Config:
  """Head tied to the embedding."""
  return Qwen2Config(
    vocab_size=sizes.vocabulary,
    hidden_size=sizes.width,
    intermediate_size=sizes.feed_forward,
    num_hidden_layers=sizes.layers,
    num_attention_heads=sizes.heads,
    num_key_value_heads=sizes.kv_heads,
    max_position_embeddings=sizes.history + len(sizes.level_sizes),
    tie_word_embeddings=True,
    **more,
  )


def make_training(*, units: int, dtype: str, sizes: Sizes) -> Run:
  """Steps of AdamW on the loss of all positions."""
  torch.manual_seed(0)
  config = _config(sizes, use_cache=False, attn_implementation="sdpa")
  model = Qwen2ForCausalLM(config).train()
  optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.01)
  tokens = torch.from_numpy(sizes.tokens(sizes.batch, sizes.history + 1)).long()

  def run():
    for _ in range(units):
      optimizer.zero_grad()
      with torch.autocast("cpu", torch.bfloat16, dtype == "bfloat16"):
        logits = model(input_ids=tokens[:, :-1]).logits
        loss = F.cross_entropy(
          logits.flatten(0, 1).float(), tokens[:, 1:].flatten()
        )
      loss.backward()
      optimizer.step()
    return {"loss": loss.item()}

  return run


class LevelSoftmax(LogitsProcessor):
  """Normalises scores over the codes of the level, as the library does.

  `generate` normalises over the whole vocabulary; without this the two sides
  would rank by different scores.
  """

  def __init__(self, sizes: Sizes):
    starts = sizes.code_offsets.tolist()
    self._ranges = list(zip(starts, np.add(starts, sizes.level_sizes).tolist()))
    self._prompt = sizes.history

  def __call__(self, input_ids, scores):
    first, last = self._ranges[input_ids.shape[1] - self._prompt]
    scores[:, first:last] = torch.log_softmax(scores[:, first:last], dim=-1)
    return scores


def make_retrieval(*, units: int, batch: int, dtype: str, sizes: Sizes) -> Run:
  """Answers `units` queries, `batch` at a time."""
  search = make_search(sizes, getattr(torch, dtype))
  tokens = sizes.tokens(units, sizes.history)

  def run():
    for start in range(0, units, batch):
      search(tokens[start : start + batch])
    return {}

  return run


def make_search(sizes: Sizes, dtype: torch.dtype):
  """`search(tokens [B, T])`: codes `[B, beam, L]`, scores `[B, beam]`."""
  model = make_model(sizes).to(dtype).eval()
  children = dictionary_trie(sizes.catalogue() + sizes.code_offsets)

  def allowed(_, sentence):
    return children[tuple(sentence[sizes.history :].tolist())].tolist()

  levels = len(sizes.level_sizes)
  # What `prefix_allowed_tokens_fn` becomes, but after the normalisation.
  processors = [
    LevelSoftmax(sizes),
    PrefixConstrainedLogitsProcessor(allowed, sizes.beam),
  ]

  @torch.inference_mode()
  def search(tokens):
    found = model.generate(
      torch.from_numpy(tokens).long(),
      attention_mask=torch.ones(tokens.shape, dtype=torch.long),
      num_beams=sizes.beam,
      num_return_sequences=sizes.beam,
      max_new_tokens=levels,
      min_new_tokens=levels,
      do_sample=False,
      length_penalty=0.0,
      logits_processor=processors,
      return_dict_in_generate=True,
      output_scores=True,
    )
    codes = found.sequences[:, -levels:].numpy() - sizes.code_offsets
    scores = found.sequences_scores.float().numpy()
    shape = (len(tokens), sizes.beam)
    return codes.reshape(*shape, levels), scores.reshape(shape)

  return search


def make_model(sizes: Sizes) -> Qwen2ForCausalLM:
  """Qwen2 with the shared weights."""
  config = _config(
    sizes,
    rope_parameters={"rope_type": "default", "rope_theta": 10_000.0},
    rms_norm_eps=1e-6,
    bos_token_id=None,
    eos_token_id=None,
    pad_token_id=0,
  )
  model = Qwen2ForCausalLM(config)
  model.load_state_dict(_state(sizes, weights(sizes)), strict=True)
  return model


def _state(sizes: Sizes, given: dict[str, np.ndarray]) -> dict:
  queries = sizes.heads * sizes.head_size
  keys = queries + sizes.kv_heads * sizes.head_size
  state = {
    "model.embed_tokens.weight": given["embedding"],
    "lm_head.weight": given["embedding"],
    "model.norm.weight": given["norm"],
  }
  for layer in range(sizes.layers):
    here = f"model.layers.{layer}"
    for part, kernel, bias in zip(
      ("q", "k", "v"),
      np.split(given["qkv"][layer], (queries, keys), axis=1),
      np.split(given["qkv_bias"][layer], (queries, keys)),
    ):
      state[f"{here}.self_attn.{part}_proj.weight"] = kernel.T
      state[f"{here}.self_attn.{part}_proj.bias"] = bias
    state[f"{here}.self_attn.o_proj.weight"] = given["out"][layer].T
    for name in ("gate", "up", "down"):
      state[f"{here}.mlp.{name}_proj.weight"] = given[name][layer].T
    state[f"{here}.input_layernorm.weight"] = given["attention_norm"][layer]
    state[f"{here}.post_attention_layernorm.weight"] = given["mlp_norm"][layer]
  return {
    name: torch.from_numpy(np.ascontiguousarray(x)) for name, x in state.items()
  }
