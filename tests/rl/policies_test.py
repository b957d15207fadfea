"""Sampling and scoring of a policy agree; experts and positives join."""

import functools

import chex
import jax
import numpy as np
import pytest

from gr_jax.data.requests import TRAIN
from gr_jax.data.training_period import event_mask
from gr_jax.generators.priors.catalogue_counts import count_catalogue
from gr_jax.generators.priors.left_out import training_future
from gr_jax.parallel.mesh import MeshConfig, make_mesh, put_batch, replicated
from gr_jax.rl.experts import replace_with_experts
from gr_jax.rl.policies import (
  CONSTRAINED,
  POLICIES,
  UNCONSTRAINED,
  make_rollout,
  make_score,
  split_variables,
)
from gr_jax.rl.prompts import PromptBatch
from tests.reference import small_policy
from tests.reference.small_policy import model, params, trie
from tests.reference.small_world import semantic_ids, shop, writer

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


def cut_counts(row):
  """The counts of a log that ends, for one user, with the history of a row."""
  requests = shop().requests
  future = requests.event_user == requests.user[row]
  future &= np.arange(len(future)) >= requests.history_end[row]
  counted = event_mask(requests) & ~future
  items = requests.event_item[counted]
  counts = np.bincount(items, minlength=len(shop().catalogue))
  return {
    "counts": {"catalogue": count_catalogue(semantic_ids(), counts, alpha=1.0)}
  }


def test_a_policy_reads_the_counts_of_a_log_that_ends_with_the_history():
  """So it is drawn from and scored as with counts made anew for each row."""
  rows = np.arange(100, 100 + B)
  future = training_future(shop().requests, semantic_ids().id_of_item)
  batch = prompts([], [5]).replace(left_out=put_batch(future(rows), mesh()))
  context = jax.device_put(small_policy.counted_context(), replicated(mesh()))
  key = jax.random.key(0)
  found = rollout()(context.reference, context, batch, key)
  score = jax.jit(make_score(model(), CONSTRAINED.score))
  group, positives = score(context.reference, context, found)
  told = score(context.reference, context, found.replace(left_out=None))
  plain = found.replace(left_out=None)
  for b, row in enumerate(rows):
    assert shop().requests.split[row] == TRAIN
    anew = context.replace(
      counts=jax.device_put(cut_counts(row), replicated(mesh()))
    )
    drawn = rollout()(context.reference, anew, prompts([], [5]), key)
    np.testing.assert_array_equal(found.group.ids[b], drawn.group.ids[b])
    expected = score(context.reference, anew, plain)
    np.testing.assert_allclose(group[b], expected[0][b], atol=1e-5)
    np.testing.assert_allclose(positives[b], expected[1][b], atol=1e-5)
  assert np.abs(np.asarray(told[1]) - positives).max() > 1e-3


def test_variables_part_into_what_is_trained_and_what_is_not():
  variables = {"params": {"w": 1}, "counts": {"c": 2}}
  trained, rest = split_variables(variables)
  assert trained == {"params": {"w": 1}}
  assert rest == {"counts": {"c": 2}}
  assert split_variables({"params": {}})[1] == {}
