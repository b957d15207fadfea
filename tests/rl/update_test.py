"""Alignment of a small generator whose groups are written by hand."""

import functools

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax

from gr_jax.decoding.sampling import sample_group
from gr_jax.decoding.scoring import constrained_log_probs
from gr_jax.rl.advantages import informative_groups, normalized_advantages
from gr_jax.rl.experts import (
  make_group,
  page_experts,
  replace_with_experts,
)
from gr_jax.rl.losses.grpo import dapo_loss
from gr_jax.rl.objective import AlignmentConfig
from gr_jax.rl.old_policy import OldPolicy
from gr_jax.rl.policies import IdSamples, make_score
from gr_jax.rl.rewards.items import best_of_items
from gr_jax.rl.rewards.page import PageReward
from gr_jax.rl.scored_group import Group
from gr_jax.rl.update import make_update, start_alignment
from tests.reference.small_policy import (
  context,
  counted_context,
  counted_params,
  counts,
  model,
  params,
  trie,
)
from tests.reference.small_world import semantic_ids, shop, writer

B, G, P = 4, 5, 2
EG_GRPO = AlignmentConfig(kl_coef=0.0)
# Everything at once: DAPO's mean, the divergence, positives, a slow old policy,
# and gradients of two parts, rows 0 and 2 and rows 1 and 3.
WHOLE = AlignmentConfig(
  dapo_loss,
  counted=informative_groups,
  kl_coef=1.0,
  nll_coef=0.5,
  old_policy=OldPolicy(2),
  parts=2,
)
RATE = 0.1


def group(seed):
  ids = np.random.default_rng(seed).integers(0, semantic_ids().num_ids, (B, G))
  codes = semantic_ids().ids[ids]
  return Group(
    ids=ids.astype(np.int32),
    codes=codes,
    where=np.ones(codes.shape, bool),
    sampled=np.ones((B, G), bool),
  )


def batch(seed=0, rewards=None):
  """Groups and rewards; the last has equal ones, the first no positives."""
  rng = np.random.default_rng(seed)
  if rewards is None:
    rewards = rng.random((B, G)).astype(np.float32)
    rewards[-1] = 0.5
  positives = semantic_ids().ids[
    rng.integers(0, semantic_ids().num_ids, (B, P))
  ]
  where = np.ones(positives.shape, bool)
  where[0] = False
  rows = np.arange(100, 100 + B)
  samples = IdSamples(
    prompt=writer().prompts(rows, shown=np.ones(B, bool)),
    queries=writer().queries(np.array([0, -1, 3, 2])),
    group=group(seed),
    positives=positives,
    positives_where=where,
  )
  return samples, rewards


@functools.cache
def compiled(config):
  return make_update(
    make_score(model(), constrained_log_probs),
    optax.sgd(RATE),
    config=config,
    like=fresh(),
  )


@functools.cache
def update(config):
  step = compiled(config)
  return lambda state, *batches: functools.reduce(
    lambda carried, b: step(carried[0], context(), *b),
    batches,
    (state, None),
  )


def fresh():
  return start_alignment(params(), optax.sgd(RATE))


@jax.jit
def log_probs(params, of):
  """Log-probabilities of whole sequences `[B, G]`."""
  shape = (*of.group.ids.shape, of.queries.shape[-1])
  queries = jnp.broadcast_to(of.queries[:, None], shape)
  logits = model().apply(params, of.prompt, queries, of.group.codes)
  return constrained_log_probs(logits, of.group.codes, trie()).sum(axis=-1)


def moved(before, after):
  """The gradient that an SGD step was made of."""
  return jax.tree.map(lambda b, a: (b - a) / RATE, before, after)


def test_the_start_is_a_copy_so_that_the_reference_survives_donation():
  params = {"w": jnp.arange(3.0)}
  state = start_alignment(params, optax.adam(0.1))
  chex.assert_trees_all_equal(state.params, params)
  chex.assert_trees_all_equal(state.old_params, params)
  pointers = {
    x["w"].addressable_data(0).unsafe_buffer_pointer()
    for x in (params, state.params, state.old_params)
  }
  assert len(pointers) == 3
  assert int(state.step) == 0


def test_the_first_step_is_reinforce_with_group_advantages():
  """At the old policy all ratios are 1."""
  samples, rewards = batch()

  def reinforce(weights):
    advantages = normalized_advantages(jnp.asarray(rewards))
    return -jnp.mean(advantages * log_probs(weights, samples))

  state, metrics = update(EG_GRPO)(fresh(), batch())
  chex.assert_trees_all_close(
    moved(params(), state.params),
    jax.jit(jax.grad(reinforce))(params()),
    atol=1e-5,
  )
  np.testing.assert_allclose(metrics["align/loss"], 0, atol=1e-5)
  assert metrics["align/log_ratio"] == 0
  assert metrics["align/equal_groups"] == 1 / B


def test_parts_add_up_to_the_means_of_the_whole_batch():
  """Three of four groups differ, three of four requests have positives, and
  they lie unevenly in the parts; at the reference the divergence is flat."""
  example, rewards = batch()
  codes = example.positives[1:]
  rest = jax.tree.map(lambda x: x[1:], example)
  rest = rest.replace(group=rest.group.replace(ids=codes[..., 0], codes=codes))

  def loss(params):
    advantages = normalized_advantages(jnp.asarray(rewards))
    policy = jnp.mean((advantages * log_probs(params, example))[:3])
    nll = -jnp.mean(log_probs(params, rest))
    return -policy / semantic_ids().num_levels + 0.5 * nll

  state, metrics = update(WHOLE)(fresh(), (example, rewards))
  chex.assert_trees_all_close(
    moved(params(), state.params),
    jax.jit(jax.grad(loss))(params()),
    atol=2e-5,
  )
  np.testing.assert_allclose(metrics["align/kl"], 0, atol=1e-6)


def test_equal_rewards_without_positives_move_nothing():
  example, rewards = batch(rewards=np.full((B, G), 0.1, np.float32))
  example = example.replace(
    positives=example.positives[:, :0],
    positives_where=example.positives_where[:, :0],
  )
  state, _ = update(EG_GRPO)(fresh(), (example, rewards))
  chex.assert_trees_all_equal(state.params, params())


def test_an_expert_rises_where_samples_earn_nothing():
  """Without the expert nothing would move."""
  example, rewards = batch(2, rewards=np.zeros((B, G), np.float32))
  experts = np.array([[0], [1], [2], [3]], np.int32)
  table = jnp.asarray(semantic_ids().ids)
  rewards[:, -1] = 1.0
  example = example.replace(
    group=replace_with_experts(example.group, experts, table)
  )
  before = log_probs(params(), example)
  state, metrics = update(EG_GRPO)(fresh(), (example, rewards))
  assert (log_probs(state.params, example) > before)[:, -1].all()
  assert metrics["align/reward"] == 0


def test_members_that_are_not_there_change_nothing():
  example, other = batch(), batch()
  for samples, _ in (example, other):
    samples.group.where[:, -1] = False
  other[0].group.codes[:, -1] = -1
  other[1][:, -1] = 9.0
  alone, _ = update(EG_GRPO)(fresh(), example)
  found, _ = update(EG_GRPO)(fresh(), other)
  chex.assert_trees_all_close(found.params, alone.params, atol=1e-6)


def test_counts_are_read_and_not_trained():
  """The gate that learns to use them is."""
  state = start_alignment(counted_params(), optax.sgd(RATE))
  score = make_score(model(), constrained_log_probs)
  step = make_update(score, optax.sgd(RATE), config=EG_GRPO, like=state)
  kept = jax.tree.map(np.array, counts())
  state, _ = step(state, counted_context(), *batch())
  assert set(state.params) == {"params"}
  chex.assert_trees_all_equal(jax.tree.map(np.array, counts()), kept)
  before, after = counted_params()["params"], state.params["params"]
  assert np.abs(after["prior"]["gate"] - before["prior"]["gate"]).max() > 0


def test_the_divergence_pulls_back_to_the_reference():
  """From another policy, with nothing else to learn."""
  samples, rewards = batch(rewards=np.full((B, G), 0.3, np.float32))
  nothing = np.zeros_like(samples.positives_where)
  example = samples.replace(positives_where=nothing), rewards
  away = start_alignment(
    jax.tree.map(lambda x: 0.9 * x, params()), optax.sgd(RATE)
  )
  state, first = update(WHOLE)(away, example)
  _, last = update(WHOLE)(state, *[example] * 9)
  assert first["align/kl"] > 1e-3
  assert last["align/kl"] < 0.8 * first["align/kl"]


def test_rollouts_are_of_the_old_policy_until_its_turn_comes():
  state, _ = update(WHOLE)(fresh(), batch())
  chex.assert_trees_all_equal(state.old_params, params())
  state, metrics = update(WHOLE)(state, batch())
  assert metrics["align/log_ratio"] > 0
  chex.assert_trees_all_equal(state.old_params, state.params)
  assert int(state.step) == 2


def test_positives_are_learned_even_where_rewards_are_equal():
  example = batch(rewards=np.full((B, G), 0.3, np.float32))
  state, first = update(WHOLE)(fresh(), example)
  _, last = update(WHOLE)(state, *[example] * 9)
  assert first["align/policy_loss"] == 0
  assert last["align/nll"] < first["align/nll"] - 0.01


def test_an_update_is_compiled_once():
  """The first state's arrays may move, those of the next are at home."""
  names = []

  def listen(name, seconds, **_):
    names.append(name)

  step, state = compiled.__wrapped__(EG_GRPO), fresh()
  state, _ = step(state, context(), *batch())
  jax.monitoring.register_event_duration_secs_listener(listen)
  try:
    for seed in range(2):
      state, _ = step(state, context(), *batch(seed))
  finally:
    jax.monitoring.unregister_event_duration_listener(listen)
  assert not [name for name in names if "backend_compile" in name]


def test_the_state_is_given_up_and_the_reference_is_not():
  state = fresh()
  kept = jax.tree.leaves(state.params)[0]
  update(EG_GRPO)(state, batch())
  assert kept.is_deleted()
  assert not any(x.is_deleted() for x in jax.tree.leaves(params()))


def test_what_is_rewarded_becomes_more_likely():
  """And what is not rewarded less, on the groups of several steps."""
  examples = []
  for seed in range(3):
    rewards = (group(seed).ids % 3 == 0).astype(np.float32)
    examples.append(batch(seed, rewards))
  state, _ = update(EG_GRPO)(fresh(), *examples * 5)
  for example, rewards in examples:
    gain = log_probs(state.params, example) - log_probs(params(), example)
    liked = rewards > 0
    assert gain[liked].mean() > gain[~liked].mean() + 0.05


def test_rollouts_rewards_experts_and_updates_raise_the_reward():
  """EG-GRPO with one expert, as a stage runs it, on four requests."""
  requests, (example, _) = np.arange(100, 100 + B), batch()
  experts = page_experts(shop().requests, semantic_ids(), count=1)[requests]
  reward = best_of_items(PageReward(shop().requests), semantic_ids())
  table, state, means = jnp.asarray(semantic_ids().ids), fresh(), []

  @jax.jit
  def rollout(params, prompt, experts, key):
    found = sample_group(
      model(), params, prompt, trie(),
      group_size=G, key=key,
    )  # fmt: skip
    return replace_with_experts(make_group(found), experts, table)

  prompt = example.prompt, example.queries
  for key in jax.random.split(jax.random.key(3), 40):
    members = rollout(state.old_params, prompt, experts, key)
    earned = reward(requests, np.asarray(members.ids))
    state, metrics = update(EG_GRPO)(
      state, (example.replace(group=members), earned)
    )
    means.append(float(metrics["align/reward"]))
  assert np.mean(means[-10:]) > np.mean(means[:10]) + 0.1
