"""Groups for a batch of requests in one compiled call."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.sharding import Mesh

from gr_jax.decoding.generator import Generator
from gr_jax.decoding.sampling import Rollouts
from gr_jax.parallel.mesh import batch_sharding
from gr_jax.rl.experts import (
  Group,
  make_group,
  named_members,
  replace_with_experts,
)
from gr_jax.rl.prompts import PromptBatch
from gr_jax.rl.state import AlignmentBatch, Unchanged

# From old parameters, what never changes, requests and a key.
Rollout = Callable[[Any, Unchanged, PromptBatch, Any], AlignmentBatch]
Inject = Callable[[Group, jax.Array, jax.Array], Group]


def make_rollout(
  generator: Generator,
  *,
  sample: Callable[..., Rollouts],
  inject: Inject = replace_with_experts,
  group_size: int,
  mesh: Mesh,
) -> Rollout:
  """One jitted call that draws groups and puts the experts into them.

  Args:
    generator: the policy, of prompts `(prompt, queries)`.
    sample: of `rl/policies.py`.
    inject: `replace_with_experts` or `append_experts`.
    group_size: `G`.
    mesh: groups lie where their requests do.

  Returns:
    `(old_params, unchanged, asked, key) -> AlignmentBatch`, rewards 0.
  """

  def rollout(old_params, unchanged, asked, key):
    drawn = sample(
      generator,
      old_params | unchanged.counts,
      (asked.prompt, asked.queries),
      unchanged.trie,
      group_size=group_size,
      key=key,
    )
    group = inject(make_group(drawn), asked.experts, unchanged.table)
    positives = named_members(asked.positives, unchanged.table)
    return AlignmentBatch(
      prompt=asked.prompt,
      queries=asked.queries,
      group=group,
      rewards=jnp.zeros(group.ids.shape),
      positives=positives.codes,
      positives_where=positives.where,
    )

  return jax.jit(rollout, out_shardings=batch_sharding(mesh))
