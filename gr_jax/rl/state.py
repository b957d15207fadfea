"""What an update of the policy takes and gives back."""

from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax import struct

from gr_jax.decoding.trie import Trie
from gr_jax.generators.prompts.writer import Prompt
from gr_jax.rl.experts import Group


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
  """What alignment carries from step to step.

  Attributes:
    step: updates done.
    params: trained; `{"params": ...}`, never what was counted.
    opt_state: of the optimizer.
    old_params: what rollouts are drawn from.
  """

  step: jax.Array
  params: Any
  opt_state: Any
  old_params: Any


@struct.dataclass
class Unchanged:
  """What every step reads and none changes.

  Attributes:
    reference: parameters that the policy is held near.
    counts: `{"counts": ...}` of a generator that is told counts, else `{}`.
    trie: the catalogue.
    table: `[M, L]` int32, the codes of all its IDs.
  """

  reference: Any
  counts: Any
  trie: Trie
  table: jax.Array


def split_variables(variables: Any) -> tuple[Any, Any]:
  """What is trained, `{"params": ...}`, and what is not."""
  rest = {name: tree for name, tree in variables.items() if name != "params"}
  return {"params": variables["params"]}, rest


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
