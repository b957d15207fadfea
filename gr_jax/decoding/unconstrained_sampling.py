"""Rollouts that are not constrained to the catalogue.

The rewards of EG-GRPO and GenRec give 0 to codes that name no item: a policy
that is to unlearn them has to say them first.
"""

from typing import Any

import jax
import jax.numpy as jnp

from gr_jax.decoding.beams import has_end_column
from gr_jax.decoding.generator import Generator
from gr_jax.decoding.sampling import Rollouts
from gr_jax.decoding.scoring import token_mask
from gr_jax.decoding.trie import Trie, find_rows


def sample_unconstrained_group(
  generator: Generator,
  variables: Any,
  prompt: Any,
  trie: Trie,
  *,
  group_size: int,
  key: jax.Array,
) -> Rollouts:
  """`G` independent draws per request from the model as it is.

  Arguments as for `sampling.sample_group`; the trie only judges. `ids` is -1
  where the codes name nothing. Both log-probabilities of the result are the
  model's own, since those codes have none in the catalogue.
  """
  log_probs, cache = generator.prefill(variables, prompt)
  log_probs = log_probs[:, None]
  batch, shape = log_probs.shape[0], (log_probs.shape[0], group_size)
  parents = jnp.zeros(shape, jnp.int32)
  chosen, gains = [], []
  for level, now in enumerate(jax.random.split(key, trie.num_levels)):
    if level:
      log_probs, cache = generator.decode_step(
        variables, jnp.maximum(chosen[-1], 0), parents, cache, level=level
      )
      parents = jnp.broadcast_to(jnp.arange(group_size), shape)
    has_end = has_end_column(log_probs, trie, level)
    columns = log_probs.shape[-1]
    log_probs = jnp.broadcast_to(log_probs, (batch, group_size, columns))
    column = jax.random.categorical(now, log_probs)
    gain = jnp.take_along_axis(log_probs, column[..., None], axis=-1)[..., 0]
    code = jnp.where(has_end & (column == columns - 1), -1, column)
    if level:
      ended = chosen[-1] < 0
      code, gain = jnp.where(ended, -1, code), jnp.where(ended, 0.0, gain)
    chosen.append(code.astype(jnp.int32))
    gains.append(gain)
  codes, gains = jnp.stack(chosen, axis=-1), jnp.stack(gains, axis=-1)
  rows = find_rows(trie, codes)
  return Rollouts(rows, codes, token_mask(codes), gains, gains)
