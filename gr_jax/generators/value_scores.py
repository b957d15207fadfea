"""What value-aware training reads of a `LazyAR` (GR4AD, arXiv 2602.22732).

Beside the scores of codes: those of the early states alone, by the same head,
and those of the value's buckets after the last code.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from gr_jax.generators.branches import read_branches
from gr_jax.generators.lazy_ar import LazyAR
from gr_jax.generators.prompts.writer import Prompt


class ValueAwareScores(NamedTuple):
  """Logits of `P` targets in each of `B` rows.

  Attributes:
    codes: per level `[B, P, C_l]`.
    early: the same of the early states alone; empty where `K` is 0.
    values: `[B, P, V]`, of the buckets of the value.
  """

  codes: list[jax.Array]
  early: list[jax.Array]
  values: jax.Array


def value_aware_scores(
  decoder: LazyAR, prompt: Prompt, queries: jax.Array, codes: jax.Array
) -> ValueAwareScores:
  """`model.apply(variables, ..., method=value_aware_scores)`.

  Early scores are those of `h_t = m_t`: no code before is read, nor what counts
  would say of it.

  Args:
    decoder: the bound network, which predicts values.
    prompt: the prompts of `B` rows.
    queries: `[B, P, Wq]`.
    codes: the targets `[B, P, L]`; all levels are read.

  Raises:
    ValueError: the network predicts no values.
  """
  if not decoder.value_buckets:
    raise ValueError(
      "the network predicts no values: build it with value_buckets of 2 or "
      "more (generator.value.buckets)."
    )
  levels, P = len(decoder.level_sizes), codes.shape[1]
  read, early, branches = decoder.late_inputs(
    prompt, queries, codes, length=decoder.branch_length
  )
  if early is not None:
    branches = jnp.concatenate((branches, early), axis=1)
  _, states = read_branches(decoder.transformer, read, branches)
  late, alone = (
    [x[:, :, t] for t in range(levels + 1)]
    for x in (states[:, :P], states[:, P:])
  )
  head = decoder.head
  return ValueAwareScores(
    head.logits(prompt, late[:levels], codes),
    []
    if early is None
    else [
      head.table.logits(x, level) for level, x in enumerate(alone[:levels])
    ],
    decoder.value_logits(late[levels]),
  )
