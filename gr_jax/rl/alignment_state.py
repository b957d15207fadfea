"""What an update of the policy takes and gives back."""

from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax import struct

from gr_jax.generators.prompts import Prompt
from gr_jax.rl.expert_injection import Group


@struct.dataclass
class AlignmentBatch:
  """Groups of `B` requests and what they earned.

  Attributes:
    prompt: of `B` rows.
    queries: `[B, Wq]` tokens.
    group: samples and experts.
    rewards: `[B, G]` float32.
    positives: `[B, P, L]` codes of what was clicked or ordered; `P` may be 0.
    positives_where: `[B, P, L]` bool.
  """

  prompt: Prompt
  queries: jax.Array
  group: Group
  rewards: jax.Array
  positives: jax.Array
  positives_where: jax.Array


@struct.dataclass
class AlignmentState:
  """What alignment carries from step to step; the reference never changes."""

  step: jax.Array
  params: Any
  opt_state: Any
  old_params: Any


def start_alignment(
  params: Any, optimizer: optax.GradientTransformation
) -> AlignmentState:
  """The state before the first update; `params` are copied."""
  copied = jax.tree.map(jnp.copy, params)
  return AlignmentState(
    step=jnp.zeros((), jnp.int32),
    params=copied,
    opt_state=optimizer.init(copied),
    old_params=jax.tree.map(jnp.copy, params),
  )
