"""Log-probabilities of given IDs, from the packed forward pass of a group.

`DecoderOnly` scores all members of a group in one pass over their prompt; its
logits per level become token log-probabilities here, of either policy of
`decoding/trie_paths.py`. Rollouts carry log-probabilities too, but those come
from the cached steps, which round otherwise: a ratio of the two would not be 1
where the policies are the same, least of all in bfloat16.
"""

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp

from gr_jax.decoding.trie import Trie

# From logits per level `[..., C_l]`, codes `[..., L]` and trie to `[..., L]`.
ScoreCodes = Callable[[Sequence[jax.Array], jax.Array, Trie], jax.Array]


def token_mask(codes: jax.Array) -> jax.Array:
  """`[..., L]` bool: the codes, and the first -1 after one, which says END."""
  before = codes[..., :-1] >= 0
  return jnp.concatenate((jnp.ones_like(before[..., :1]), before), axis=-1)


def model_log_probs(
  logits: Sequence[jax.Array], codes: jax.Array, trie: Trie
) -> jax.Array:
  r"""$\log p(c_l | c_{<l})$ of the model as it is, in float32.

  Args:
    logits: per level `[..., C_l]`, one more column for END where IDs end early.
    codes: `[..., L]` int32, -1 after an early end.
    trie: not read.

  Returns:
    `[..., L]`; read it where `token_mask(codes)`.
  """
  del trie
  return jnp.stack(
    [
      _code_log_prob(jax.nn.log_softmax(scores.astype(jnp.float32)), code)
      for scores, code in zip(logits, jnp.moveaxis(codes, -1, 0))
    ],
    axis=-1,
  )


def _code_log_prob(log_probs: jax.Array, code: jax.Array) -> jax.Array:
  column = jnp.where(code < 0, log_probs.shape[-1] - 1, code)
  return jnp.take_along_axis(log_probs, column[..., None], axis=-1)[..., 0]


def constrained_log_probs(
  logits: Sequence[jax.Array], codes: jax.Array, trie: Trie
) -> jax.Array:
  r"""$\log q(c_l | c_{<l})$, renormalised over the children in the trie.

  Arguments and result as for `model_log_probs`. `codes` must name IDs of the
  catalogue; what other codes get is finite and means nothing.
  """
  nodes = jnp.zeros(codes.shape[:-1], jnp.int32)
  found = []
  for level, (scores, size) in enumerate(zip(logits, trie.level_sizes)):
    wanted = jnp.where(codes[..., level] < 0, size, codes[..., level])
    first, last = trie.children(level, nodes)
    slots = jnp.arange(trie.branches[level])
    children = first[..., None] + slots
    there = children < last[..., None]
    columns = trie.child_codes(level, children)
    values = jnp.take_along_axis(
      scores.astype(jnp.float32), columns, axis=-1, mode="clip"
    )
    values = jnp.where(there, values, -jnp.inf)
    hit = there & (columns == wanted[..., None])
    slot = jnp.min(jnp.where(hit, slots, len(slots)), axis=-1)
    known = slot < len(slots)
    chosen = jnp.sum(jnp.where(hit, values, 0), axis=-1)
    found.append(chosen - jax.nn.logsumexp(values, axis=-1))
    # As in `trie.find_rows`: keeps the levels from being fused into one loop.
    nodes = jax.lax.optimization_barrier(jnp.where(known, first + slot, 0))
  return jnp.stack(found, axis=-1)
