"""Sampling and scoring of a policy agree; experts and positives join."""

import functools

import chex
import jax
import numpy as np
import optax
import pytest
from flax import linen as nn

from gr_jax.data.request_lists import training_sequences
from gr_jax.data.requests import TRAIN
from gr_jax.generators.build import initializer
from gr_jax.generators.priors.catalogue_counts import count_catalogue
from gr_jax.generators.priors.left_out import FutureEvents
from gr_jax.generators.priors.transition_counts import count_transitions
from gr_jax.generators.prompts.writer import PromptWriter
from gr_jax.parallel.mesh import MeshConfig, make_mesh, put_batch, replicated
from gr_jax.rl.experts import replace_with_experts
from gr_jax.rl.objective import AlignmentConfig
from gr_jax.rl.old_policy import OldPolicy
from gr_jax.rl.policies import (
  CONSTRAINED,
  POLICIES,
  UNCONSTRAINED,
  AlignmentContext,
  make_rollout,
  make_score,
  split_variables,
)
from gr_jax.rl.prompts import PromptBatch, clicked_requests
from gr_jax.rl.update import make_update, start_alignment
from tests.reference import cut_log, small_policy
from tests.reference.noisy import noisy
from tests.reference.small_policy import model, params, trie
from tests.reference.small_world import PROMPT, semantic_ids, shop, writer

ROWS = np.arange(50, 54)
B, G = 8, 4


@functools.cache
def mesh():
  return make_mesh(MeshConfig())


def prompts(experts, positives=()):
  rows = np.arange(100, 100 + B)
  return put_batch(
    PromptBatch(
      rows=rows.astype(np.int32),
      prompt=writer().prompts(rows, shown=np.ones(B, bool)),
      queries=writer().queries(shop().requests.query[rows]),
      experts=np.full((B, len(experts)), experts, np.int32),
      positives=np.full((B, len(positives)), positives, np.int32),
    ),
    mesh(),
  )


@functools.cache
def rollout(policy=CONSTRAINED, **options):
  return make_rollout(
    small_policy.model(),
    sample=policy.sample,
    group_size=G,
    mesh=mesh(),
    **options,
  )


def samples(batch, *, seed=0, **options):
  context = jax.device_put(small_policy.context(), replicated(mesh()))
  found = rollout(**options)(
    context.reference, context, batch, jax.random.key(seed)
  )
  return jax.device_get(found)


def test_no_expert_leaves_the_group_of_grpo_bit_for_bit():
  """That is so with K = 0 and for pages that give none."""
  plain = samples(prompts([]))
  assert plain.group.sampled.all()
  none = samples(prompts([-1, -1]), add_experts=replace_with_experts)
  chex.assert_trees_all_equal(none.group, plain.group)


def test_experts_take_the_last_places_and_name_their_codes():
  plain, mixed = (
    samples(prompts([])),
    samples(prompts([3]), add_experts=replace_with_experts),
  )
  np.testing.assert_array_equal(mixed.group.ids[:, :-1], plain.group.ids[:, :3])
  assert (mixed.group.ids[:, -1] == 3).all()
  codes = np.broadcast_to(semantic_ids().ids[3], mixed.group.codes[:, -1].shape)
  np.testing.assert_array_equal(mixed.group.codes[:, -1], codes)
  assert not mixed.group.sampled[:, -1].any()


def test_experts_are_appended_unless_one_says_else():
  """The samples stay as they are, and a page without experts adds absent
  members."""
  plain, found = samples(prompts([])), samples(prompts([3, -1]))
  assert found.group.ids.shape == (B, G + 2)
  first = jax.tree.map(lambda x: x[:, :G], found.group)
  chex.assert_trees_all_equal(first, plain.group)
  assert (found.group.ids[:, G] == 3).all()
  assert found.group.present[:, G].all()
  assert not found.group.present[:, G + 1].any()
  assert not found.group.sampled[:, G:].any()


def test_positives_are_codes_and_what_is_missing_does_not_count():
  found = samples(prompts([], [5, -1]))
  assert found.positives_where[:, 0].any(axis=-1).all()
  assert not found.positives_where[:, 1].any()
  np.testing.assert_array_equal(found.positives[0, 0], semantic_ids().ids[5])


def test_a_key_gives_the_same_groups_and_another_gives_others():
  batch = prompts([])
  chex.assert_trees_all_equal(samples(batch), samples(batch))
  assert (samples(batch).group.ids != samples(batch, seed=1).group.ids).any()


def test_the_unconstrained_policy_may_name_nothing():
  found = samples(prompts([]), policy=UNCONSTRAINED)
  assert (found.group.ids < 0).any()
  assert (samples(prompts([])).group.ids >= 0).all()


@pytest.mark.parametrize("policy", POLICIES.values())
def test_scores_are_the_log_probabilities_of_the_draw(policy):
  prompt = writer().prompts(ROWS, shown=np.ones(4, bool))
  queries = writer().queries(np.array([0, 1, 2, -1]))
  draw = jax.jit(functools.partial(policy.sample, model(), group_size=6))
  found = draw(params(), (prompt, queries), trie(), key=jax.random.key(2))
  shape = (4, 6, queries.shape[-1])
  logits = jax.jit(model().apply)(
    params(), prompt, np.broadcast_to(queries[:, None], shape), found.codes
  )
  scored = jax.jit(policy.score)(logits, found.codes, trie())
  where = np.asarray(found.where)
  np.testing.assert_allclose(
    np.asarray(scored)[where], np.asarray(found.log_probs)[where], atol=1e-4
  )


def test_variables_part_into_what_is_trained_and_what_is_not():
  variables = {"params": {"w": 1}, "counts": {"c": 2}}
  trained, rest = split_variables(variables)
  assert trained == {"params": {"w": 1}}
  assert rest == {"counts": {"c": 2}}
  assert split_variables({"params": {}})[1] == {}


@pytest.mark.parametrize("policy", POLICIES.values())
def test_without_counts_a_rollout_is_the_draw_of_the_policy(policy):
  batch, key = prompts([]), jax.random.key(0)
  found = samples(batch, policy=policy)
  draw = jax.jit(functools.partial(policy.sample, model(), group_size=G))
  own = draw(params(), (batch.prompt, batch.queries), trie(), key=key)
  np.testing.assert_array_equal(found.group.ids, own.ids)
  np.testing.assert_array_equal(found.group.codes, own.codes)
  assert found.left_out is None


# Counts of everything that a prompt's user did, before and after it.
WINDOW = 2


@functools.cache
def askers():
  """Eight requests of the first user, oldest first."""
  rows = clicked_requests(shop().requests, split=TRAIN)
  return rows[shop().requests.user[rows] == 0][:B]


def counts_of(items, owners):
  ids = semantic_ids()
  popularity = np.bincount(items, minlength=len(ids.codes))
  catalogue = count_catalogue(ids, popularity, alpha=0.5)
  transitions = count_transitions(
    ids, items, owners, window=WINDOW, neighbours=60, last=2
  )
  return {"counts": {"catalogue": catalogue, "transitions": transitions}}


def counted(requests):
  sequences = training_sequences(requests)
  return counts_of(sequences.rows, sequences.owners)


@functools.cache
def counted_params():
  make = jax.jit(initializer(model(), counted(shop().requests)))
  return noisy(nn.unbox(make(jax.random.key(0))))


def counted_context(counts):
  table = jax.numpy.asarray(semantic_ids().ids)
  context = AlignmentContext(counted_params(), counts, trie(), table)
  return jax.device_put(context, replicated(mesh()))


def asked(requests, rows, *, leaves_out=True):
  vocabulary, ids = writer()._vocabulary, semantic_ids()
  written = PromptWriter(requests, ids, vocabulary, PROMPT)
  future = FutureEvents.of_training(requests, ids.id_of_item, window=WINDOW)
  return put_batch(
    PromptBatch(
      rows=rows.astype(np.int32),
      prompt=written.prompts(rows, shown=np.ones(len(rows), bool)),
      queries=written.queries(requests.query[rows]),
      experts=np.full((len(rows), 1), 3, np.int32),
      positives=np.full((len(rows), 1), 5, np.int32),
      left_out=future(rows) if leaves_out else None,
    ),
    mesh(),
  )


@functools.cache
def scores(score_codes):
  return jax.jit(make_score(model(), score_codes))


def drawn(policy, counts, batch):
  """Codes of the group, and log-probabilities of all of it."""
  context = counted_context(counts)
  key = jax.random.key(0)
  found = rollout(policy)(context.reference, context, batch, key)
  scored = scores(policy.score)(context.reference, context, found)
  return jax.device_get((found.group.codes, *scored))


@pytest.mark.parametrize("policy", POLICIES.values())
def test_prompts_read_the_counts_of_a_log_that_ends_with_them(policy):
  """Draws and scores are those with counts made anew for each prompt."""
  requests = shop().requests
  rows = clicked_requests(requests, split=TRAIN)[:: 5 * B]
  assert len(np.unique(requests.user[rows])) > 3
  found = drawn(policy, counted(requests), asked(requests, rows))
  plain = asked(requests, rows, leaves_out=False)
  for b, row in enumerate(rows):
    anew = counts_of(*cut_log.cut(requests, row))
    codes, *scored = drawn(policy, anew, plain)
    np.testing.assert_array_equal(found[0][b], codes[b])
    for one, other in zip(found[1:], scored):
      np.testing.assert_allclose(one[b], other[b], atol=1e-5)
  _, told, _ = drawn(policy, counted(requests), plain)
  assert np.abs(told - found[1]).max() > 1e-2


def initial():
  """Parameters, old ones and those of `counted_context` all differ."""
  old = counted_params()
  state = start_alignment(jax.tree.map(lambda x: 1.1 * x, old), optax.sgd(0.1))
  older = jax.tree.map(lambda x: 0.9 * x, old)
  return jax.device_put(state.replace(old_params=older), replicated(mesh()))


@functools.cache
def update():
  return make_update(
    make_score(model(), CONSTRAINED.score),
    optax.sgd(0.1),
    config=AlignmentConfig(nll_coef=0.5, old_policy=OldPolicy(2)),
    like=initial(),
  )


def updated(requests):
  """Draws of the user's prompts, and an update of which all terms count."""
  context, batch = counted_context(counted(requests)), asked(requests, askers())
  state, key = initial(), jax.random.key(0)
  found = rollout(CONSTRAINED)(state.old_params, context, batch, key)
  rewards = np.random.default_rng(0).random(found.group.ids.shape)
  rewards = put_batch(rewards.astype(np.float32), mesh())
  after, metrics = update()(state, context, found, rewards)
  return jax.device_get((found.group.codes, after.params, metrics))


def test_purchases_after_a_prompt_change_neither_draws_nor_losses():
  log, last = shop().requests, askers()[-1]
  more = cut_log.planted(log, last, [7, 9, 7, 7, 11, 7] * 4)
  # They are counted.
  before, after = (
    counted(requests)["counts"]["transitions"].popularity.sum()
    for requests in (log, more)
  )
  assert after == before + 24
  codes, *rest = updated(log)
  codes_more, *rest_more = updated(more)
  np.testing.assert_array_equal(codes, codes_more)
  chex.assert_trees_all_close(rest, rest_more, atol=1e-5)
