"""Rollouts: groups of semantic IDs that the policy itself comes up with.

Three ways to draw a group of `G` under the trie, each one function to be
called inside `jit` (`group_size` static), each with the exact log-probabilities
of its members under both policies of `decoding/trie_paths.py`:

  sample_group     independently, with replacement, from the constrained
                   policy: what the policy-gradient losses assume.
  sample_distinct  without replacement, by Gumbel-top-k (Kool et al. 2019): the
                   same as drawing one after another and skipping repeats. More
                   to compare in a group; the group mean is then not an unbiased
                   estimate under the policy.
  beam_group       the `G` best of a beam search, what serving would show; no
                   randomness.

None of them leaves the catalogue, and none has a temperature: a group is of the
policy as it is, so that its log-probabilities are.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from gr_jax.decoding.beams import (
  best_candidates,
  check_columns,
  next_log_probs,
)
from gr_jax.decoding.generator import Generator
from gr_jax.decoding.scoring import token_mask
from gr_jax.decoding.trie import Trie
from gr_jax.decoding.trie_paths import (
  Children,
  Chosen,
  TriePaths,
  advance,
  expand,
  start,
)


class Rollouts(NamedTuple):
  """Groups of `G` IDs for `B` requests.

  Attributes:
    ids: `[B, G]` int32 rows of the sorted ID table, -1 where the catalogue has
      fewer IDs than the group has places (never in `sample_group`).
    codes: `[B, G, L]` int32, -1 after an early end.
    where: `[B, G, L]` bool, the tokens that were a choice: all codes, and an
      early end once.
    model_log_probs: `[B, G, L]` float32 of the model as it is.
    log_probs: `[B, G, L]` float32 of the policy in the catalogue.
  """

  ids: jax.Array
  codes: jax.Array
  where: jax.Array
  model_log_probs: jax.Array
  log_probs: jax.Array


# From the paths, their children and what was carried on from the last level
# to what is chosen and what is carried on.
_Choose = Callable[[TriePaths, Children, Any], tuple[Chosen, Any]]


def sample_group(
  generator: Generator,
  variables: Any,
  prompt: Any,
  trie: Trie,
  *,
  group_size: int,
  key: jax.Array,
) -> Rollouts:
  """`G` independent draws per request; repeats happen.

  Args:
    generator: the policy.
    variables: its parameters, and whatever else it reads.
    prompt: `B` requests, in the form that `generator.prefill` takes.
    trie: the catalogue.
    group_size: `G`, static.
    key: the key of all draws.
  """

  def choose(paths: TriePaths, children: Children, key: jax.Array):
    key, now = jax.random.split(key)
    log_probs = children.constrained_log_probs
    B, M, K = log_probs.shape
    # The root's one path is the parent of all; later each is its own.
    shape = (B, group_size, K)
    noise = jax.random.gumbel(now, shape)
    slots = jnp.argmax(jnp.broadcast_to(log_probs, shape) + noise, axis=-1)
    parents = jnp.arange(group_size) if M > 1 else jnp.zeros(group_size, int)
    parents = jnp.broadcast_to(parents.astype(jnp.int32), slots.shape)
    return Chosen(parents, slots, jnp.ones_like(slots, bool)), key

  return _descend(generator, variables, prompt, trie, choose, key)


def sample_distinct(
  generator: Generator,
  variables: Any,
  prompt: Any,
  trie: Trie,
  *,
  group_size: int,
  key: jax.Array,
) -> Rollouts:
  """`G` different IDs per request, in the order in which they were drawn.

  Arguments as for `sample_group`.
  """

  def choose(paths: TriePaths, children: Children, carried):
    key, limit = carried
    key, now = jax.random.split(key)
    limit = jnp.zeros(paths.nodes.shape) if limit is None else limit
    before = paths.constrained_log_probs.sum(axis=-1)
    total = before[..., None] + children.constrained_log_probs
    noise = jax.random.gumbel(now, total.shape)
    perturbed = _below(limit[..., None], total + noise)
    best, parents, slots = best_candidates(perturbed, group_size)
    return Chosen(parents, slots, best > -jnp.inf), (key, best)

  first = key, None
  return _descend(generator, variables, prompt, trie, choose, first)


def beam_group(
  generator: Generator,
  variables: Any,
  prompt: Any,
  trie: Trie,
  *,
  group_size: int,
) -> Rollouts:
  """The IDs of `decoding.beam_search` with `G` beams, best first.

  Arguments as for `sample_group`. As there, the model's own log-probabilities
  rank the beams.
  """

  def choose(paths: TriePaths, children: Children, carried):
    before = paths.model_log_probs.sum(axis=-1)
    total = before[..., None] + children.model_log_probs
    best, parents, slots = best_candidates(total, group_size)
    return Chosen(parents, slots, best > -jnp.inf), carried

  return _descend(generator, variables, prompt, trie, choose, None)


def _below(limit: jax.Array, values: jax.Array) -> jax.Array:
  """Gumbels `[..., K]` moved so that their largest is `limit`.

  `-log(exp(-limit) - exp(-max) + exp(-values))`, written so that it neither
  overflows nor cancels (Kool et al. 2019, appendix B.3).
  """
  largest = jnp.max(values, axis=-1, keepdims=True)
  largest = jnp.where(jnp.isfinite(largest), largest, 0.0)
  gap = limit - values + jnp.log1p(-jnp.exp(values - largest))
  moved = limit - jnp.maximum(gap, 0) - jnp.log1p(jnp.exp(-jnp.abs(gap)))
  return jnp.where(jnp.isfinite(values), moved, -jnp.inf)


def _descend(
  generator: Generator,
  variables: Any,
  prompt: Any,
  trie: Trie,
  choose: _Choose,
  carried: Any,
) -> Rollouts:
  log_probs, cache = generator.prefill(variables, prompt)
  paths, log_probs = start(log_probs.shape[0]), log_probs[:, None]
  for level in range(trie.num_levels):
    if level:
      log_probs, cache = next_log_probs(
        generator, variables, paths, cache, level=level
      )
    check_columns(log_probs, trie, level)
    children = expand(paths, log_probs, trie, level=level)
    chosen, carried = choose(paths, children, carried)
    paths = advance(paths, children, chosen, trie, level=level)
  there = paths.live[..., None]
  return Rollouts(
    ids=jnp.where(paths.live, paths.nodes, -1),
    codes=jnp.where(there, paths.codes, -1),
    where=there & token_mask(paths.codes),
    model_log_probs=jnp.where(there, paths.model_log_probs, 0.0),
    log_probs=jnp.where(there, paths.constrained_log_probs, 0.0),
  )
