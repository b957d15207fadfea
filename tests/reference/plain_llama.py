"""Qwen2's and Llama's arrangement in numpy and float64, head by head.

It reads a dictionary with the names and shapes of Hugging Face's files.
"""

import math
from collections.abc import Mapping

import numpy as np

from gr_jax.generators.pretrained.arrangement import Arrangement


def random_files(
  arrangement: Arrangement, seed: int, dtype=np.float32
) -> dict[str, np.ndarray]:
  """Random weights of every tensor that a file of the arrangement has."""
  a, rng = arrangement, np.random.default_rng(seed)
  D, F = a.width, a.feed_forward
  queries, keys = a.heads * a.head_size, a.kv_heads * a.head_size
  shapes = {"model.embed_tokens": (a.vocab_size, D), "model.norm": (D,)}
  if not a.tied:
    shapes["lm_head"] = (a.vocab_size, D)
  biases = {}
  for layer in range(a.layers):
    here = f"model.layers.{layer}."
    shapes |= {
      here + "input_layernorm": (D,),
      here + "post_attention_layernorm": (D,),
      here + "self_attn.o_proj": (D, queries),
      here + "mlp.gate_proj": (F, D),
      here + "mlp.up_proj": (F, D),
      here + "mlp.down_proj": (D, F),
    }
    for part, size in (("q", queries), ("k", keys), ("v", keys)):
      shapes[here + f"self_attn.{part}_proj"] = (size, D)
      if a.qkv_bias:
        biases[here + f"self_attn.{part}_proj"] = (size,)
  found = {}
  for suffix, group in (("weight", shapes), ("bias", biases)):
    for name, shape in group.items():
      scale = 1.0 if len(shape) == 1 else shape[1] ** -0.5
      values = scale * rng.standard_normal(shape)
      found[f"{name}.{suffix}"] = values.astype(dtype)
  return found


def logits(
  arrangement: Arrangement, files: Mapping[str, np.ndarray], tokens
) -> np.ndarray:
  """Logits `[T, V]` of one text `[T]`."""
  a = arrangement
  w = {name: np.asarray(x, np.float64) for name, x in files.items()}
  x = w["model.embed_tokens.weight"][np.asarray(tokens)]
  for layer in range(a.layers):
    here = f"model.layers.{layer}."
    normed = _norm(x, w[here + "input_layernorm.weight"], a.norm_epsilon)
    x = x + _attention(a, w, here + "self_attn.", normed)
    normed = _norm(
      x, w[here + "post_attention_layernorm.weight"], a.norm_epsilon
    )
    gate = normed @ w[here + "mlp.gate_proj.weight"].T
    up = normed @ w[here + "mlp.up_proj.weight"].T
    inner = gate / (1 + np.exp(-gate)) * up
    x = x + inner @ w[here + "mlp.down_proj.weight"].T
  x = _norm(x, w["model.norm.weight"], a.norm_epsilon)
  head = "model.embed_tokens.weight" if a.tied else "lm_head.weight"
  return x @ w[head].T


def _norm(x, scale, epsilon):
  return x / np.sqrt((x * x).mean(axis=-1, keepdims=True) + epsilon) * scale


def _attention(a, w, here, x):
  T, h = len(x), a.head_size

  def project(part, count):
    name = f"{here}{part}_proj"
    y = x @ w[f"{name}.weight"].T + w.get(f"{name}.bias", 0)
    return y.reshape(T, count, h)

  q = _turn(a, project("q", a.heads))
  k = _turn(a, project("k", a.kv_heads))
  v = project("v", a.kv_heads)
  out = np.zeros((T, a.heads, h))
  for t in range(T):
    for head in range(a.heads):
      of = head // (a.heads // a.kv_heads)
      scores = k[: t + 1, of] @ q[t, head] / math.sqrt(h)
      weights = np.exp(scores - scores.max())
      out[t, head] = weights / weights.sum() @ v[: t + 1, of]
  return out.reshape(T, -1) @ w[f"{here}o_proj.weight"].T


def _turn(a, x):
  half = a.head_size // 2
  out = np.empty_like(x)
  for i in range(half):
    omega = a.rope_theta ** (-i / half)
    if a.rope_scaling is not None:
      s = a.rope_scaling
      turns = s.original_max_position_embeddings * omega / (2 * math.pi)
      if turns < s.low_freq_factor:
        omega /= s.factor
      elif turns <= s.high_freq_factor:
        smooth = turns - s.low_freq_factor
        smooth /= s.high_freq_factor - s.low_freq_factor
        omega = (1 - smooth) * omega / s.factor + smooth * omega
    angle = np.arange(len(x))[:, None] * omega
    first, second = x[..., i], x[..., i + half]
    out[..., i] = first * np.cos(angle) - second * np.sin(angle)
    out[..., i + half] = second * np.cos(angle) + first * np.sin(angle)
  return out
