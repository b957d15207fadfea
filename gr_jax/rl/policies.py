"""Policies over semantic IDs: how groups are drawn, scored and rewarded.

What the loop, the objective and the losses leave open stands here: prompts of
requests, the trie of the catalogue, the table of its IDs. What draws a group
and what scores it must be of one policy, or the ratios of the losses mean
nothing.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from flax import struct
from jax.sharding import Mesh

from gr_jax.decoding.generator import Generator
from gr_jax.decoding.sampling import (
  Rollouts,
  beam_group,
  sample_distinct,
  sample_group,
)
from gr_jax.decoding.scoring import (
  ScoreCodes,
  constrained_log_probs,
  model_log_probs,
)
from gr_jax.decoding.trie import Trie
from gr_jax.decoding.unconstrained_sampling import sample_unconstrained_group
from gr_jax.generators.priors.left_out import LeftOut, without_future
from gr_jax.generators.prompts.writer import Prompt
from gr_jax.parallel.mesh import batch_sharding
from gr_jax.parallel.rows import own_rows
from gr_jax.rl.experts import AddExperts, append_experts, make_group, members
from gr_jax.rl.explore import ExplorerParams
from gr_jax.rl.objective import Score
from gr_jax.rl.prompts import PromptBatch
from gr_jax.rl.rewards.checked import checked_ids, reward_name
from gr_jax.rl.rewards.items import IdReward
from gr_jax.rl.scored_group import Group


class Policy(NamedTuple):
  """A policy over IDs.

  Attributes:
    sample: draws groups, as `sampling.sample_group` does.
    score: gives log-probabilities of codes, as `scoring.model_log_probs` does.
  """

  sample: Callable[..., Rollouts]
  score: ScoreCodes


def _beams(*arguments: Any, key: jax.Array, **options: Any) -> Rollouts:
  del key
  return beam_group(*arguments, **options)


# The IDs that a search inside the trie can find.
CONSTRAINED = Policy(sample_group, constrained_log_probs)
# The model as it is: it may say codes that name nothing, and unlearn them.
UNCONSTRAINED = Policy(sample_unconstrained_group, model_log_probs)
# The last two draw a group that is not of independent samples: more to compare
# in it, and a mean that is not an unbiased estimate under the policy.
POLICIES = {
  "constrained": CONSTRAINED,
  "unconstrained": UNCONSTRAINED,
  "distinct": Policy(sample_distinct, constrained_log_probs),
  "beam": Policy(_beams, constrained_log_probs),
}


@struct.dataclass
class AlignmentContext:
  """Arrays that every step reads and none changes.

  Attributes:
    reference: the parameters that the KL term compares with.
    counts: `{"counts": ...}` of a generator that is conditioned on counts, else
      `{}`.
    trie: the catalogue.
    table: `[M, L]` int32, the codes of all its IDs.
  """

  reference: Any
  counts: Any
  trie: Trie
  table: jax.Array


@struct.dataclass
class IdSamples:
  """Groups of IDs for `B` requests.

  Attributes:
    prompt: `B` rows.
    queries: `[B, Wq]` tokens.
    group: samples and experts.
    positives: `[B, P, L]` codes of what was clicked or ordered; `P` may be 0.
    positives_where: `[B, P, L]` bool.
    left_out: what each row leaves out of the counts; None where the generator
      reads none.
    drawn_log_probs: `[B, G, L]` float32 of the policy that drew the samples;
      None where that is the old policy.
  """

  prompt: Prompt
  queries: jax.Array
  group: Group
  positives: jax.Array
  positives_where: jax.Array
  left_out: LeftOut | None = None
  drawn_log_probs: jax.Array | None = None


# From old parameters, context, prompts and a key.
Rollout = Callable[[Any, AlignmentContext, PromptBatch, Any], IdSamples]


def split_variables(variables: Any) -> tuple[Any, Any]:
  """The variables that are trained, `{"params": ...}`, and the others."""
  rest = {name: tree for name, tree in variables.items() if name != "params"}
  return {"params": variables["params"]}, rest


def make_rollout(
  generator: Generator,
  *,
  sample: Callable[..., Rollouts],
  add_experts: AddExperts = append_experts,
  group_size: int,
  mesh: Mesh,
  explorer: ExplorerParams | None = None,
) -> Rollout:
  """One jitted call that draws groups and adds the experts to them.

  `sample` is the first half of a `Policy`; the generator reads prompts
  `(prompt, queries)`. Groups lie on the mesh where their requests do. With an
  `explorer` its parameters draw in place of the old ones.
  """

  def rollout(old_params, context, batch, key):
    params = old_params if explorer is None else explorer(old_params)
    samples = sample(
      generator,
      params | without_future(context.counts, batch.left_out),
      (batch.prompt, batch.queries),
      context.trie,
      group_size=group_size,
      key=key,
    )
    group = add_experts(make_group(samples), batch.experts, context.table)
    positives = members(batch.positives, context.table)
    drawn = None
    if explorer is not None:
      experts = group.ids.shape[1] - group_size
      drawn = jnp.pad(samples.log_probs, ((0, 0), (0, experts), (0, 0)))
    return IdSamples(
      prompt=batch.prompt,
      queries=batch.queries,
      group=group,
      positives=positives.codes,
      positives_where=positives.where,
      left_out=batch.left_out,
      drawn_log_probs=drawn,
    )

  return jax.jit(rollout, out_shardings=batch_sharding(mesh))


def make_score(model: nn.Module, score_codes: ScoreCodes) -> Score:
  """Log-probabilities of the group `[B, G, L]` and positives `[B, P, L]`.

  Both are branches of one prompt, so that one pass scores them; `score_codes`
  is the second half of a `Policy`.
  """

  def score(params, context, samples):
    codes = jnp.concatenate((samples.group.codes, samples.positives), axis=1)
    shape = (*codes.shape[:2], samples.queries.shape[-1])
    queries = jnp.broadcast_to(samples.queries[:, None], shape)
    counts = without_future(context.counts, samples.left_out)
    logits: Any = model.apply(params | counts, samples.prompt, queries, codes)
    found = score_codes(logits, codes, context.trie)
    size = samples.group.codes.shape[1]
    return found[:, :size], found[:, size:]

  return score


def reward_samples(
  reward: IdReward, mesh: Mesh
) -> Callable[[PromptBatch, IdSamples], np.ndarray]:
  """The reward of the loop, from one of request rows and ID rows.

  Raises:
    BadReward, ValueError: on a call, where `reward` does not give one finite
      number for each ID.
  """

  def rewards(batch, samples):
    ids = own_rows(samples.group.ids, mesh)
    values = reward(batch.rows, ids)
    return checked_ids(values, batch.rows, ids, name=reward_name(reward))

  return rewards
