import functools

import chex
import jax
import numpy as np

from gr_jax.parallel.mesh import MeshConfig, make_mesh, put_batch, replicated
from gr_jax.rl.experts import append_experts
from gr_jax.rl.policies import CONSTRAINED, UNCONSTRAINED
from gr_jax.rl.prompts import PromptBatch
from gr_jax.rl.rollout import make_rollout
from tests.reference import small_policy
from tests.reference.small_world import semantic_ids, shop, writer

B, G = 8, 4


@functools.cache
def mesh():
  return make_mesh(MeshConfig())


def asked(experts, positives=()):
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


def drawn(batch, *, seed=0, **options):
  unchanged = jax.device_put(small_policy.unchanged(), replicated(mesh()))
  found = rollout(**options)(
    unchanged.reference, unchanged, batch, jax.random.key(seed)
  )
  return jax.device_get(found)


def test_no_expert_leaves_the_group_of_grpo_bit_for_bit():
  """systems.md 1.7, invariant 8: K = 0, or pages that give none."""
  plain = drawn(asked([]))
  assert plain.group.sampled.all()
  chex.assert_trees_all_equal(drawn(asked([-1, -1])).group, plain.group)


def test_experts_take_the_last_places_and_name_their_codes():
  plain, mixed = drawn(asked([])), drawn(asked([3]))
  np.testing.assert_array_equal(mixed.group.ids[:, :-1], plain.group.ids[:, :3])
  assert (mixed.group.ids[:, -1] == 3).all()
  codes = np.broadcast_to(semantic_ids().ids[3], mixed.group.codes[:, -1].shape)
  np.testing.assert_array_equal(mixed.group.codes[:, -1], codes)
  assert not mixed.group.sampled[:, -1].any()


def test_appended_experts_make_the_group_larger():
  assert drawn(asked([3]), inject=append_experts).group.ids.shape == (B, G + 1)


def test_positives_are_codes_and_what_is_missing_does_not_count():
  found = drawn(asked([], [5, -1]))
  assert found.positives_where[:, 0].any(axis=-1).all()
  assert not found.positives_where[:, 1].any()
  np.testing.assert_array_equal(found.positives[0, 0], semantic_ids().ids[5])


def test_a_key_gives_the_same_groups_and_another_gives_others():
  batch = asked([])
  chex.assert_trees_all_equal(drawn(batch), drawn(batch))
  assert (drawn(batch).group.ids != drawn(batch, seed=1).group.ids).any()


def test_the_free_policy_may_name_nothing():
  found = drawn(asked([]), policy=UNCONSTRAINED)
  assert (found.group.ids < 0).any()
  assert (drawn(asked([])).group.ids >= 0).all()
