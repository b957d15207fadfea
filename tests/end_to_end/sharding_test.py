"""Every step gives on any mesh what it gives on one device.

Float32 within 1e-5; codes, IDs and draws exactly. One mesh that splits by
data, fsdp and model at once stands for all; the others, and every generator,
loss and tokenizer on each of them, are `slow`.
"""

import functools

import chex
import jax
import numpy as np
import pytest

from gr_jax.decoding.live_trie import make_live_trie
from gr_jax.parallel.mesh import local_mesh
from gr_jax.retrieval.retriever import Retriever
from gr_jax.rl.losses.build import LOSSES
from gr_jax.rl.policies import POLICIES
from tests.reference import sharded, tiny_tokenizers
from tests.reference.sharded import GENERATORS, MESHES, MIXED, ONE, mesh_of
from tests.reference.small_world import semantic_ids

close = functools.partial(chex.assert_trees_all_close, rtol=1e-5, atol=1e-5)
every_mesh = pytest.mark.parametrize("mesh", MESHES.values(), ids=MESHES)


@functools.cache
def trained_on_one(name):
  return sharded.trained(name, mesh_of(*ONE))


def test_a_step_of_training_is_that_of_one_device():
  close(sharded.trained("counted", mesh_of(*MIXED)), trained_on_one("counted"))


@pytest.mark.slow
@every_mesh
@pytest.mark.parametrize("name", GENERATORS)
def test_every_generator_learns_the_same_on_every_mesh(name, mesh):
  close(sharded.trained(name, mesh_of(*mesh)), trained_on_one(name))


@pytest.mark.parametrize("name", ["counted", "page_wise"])
def test_the_parts_of_a_batch_add_up_to_a_step_with_the_whole(name):
  found = sharded.trained(name, mesh_of(*ONE), micro_batches=4)
  close(found, trained_on_one(name))


@pytest.mark.slow
@every_mesh
def test_the_parts_of_a_batch_add_up_on_every_mesh(mesh):
  if sharded.B // 2 % (mesh[1] // mesh[0].model // mesh[0].sequence):
    pytest.skip("each device has a row of every part")
  found = sharded.trained("page_wise", mesh_of(*mesh), micro_batches=2)
  close(found, trained_on_one("page_wise"))


@functools.cache
def aligned_on_one(losses, policy="constrained"):
  return sharded.aligned(mesh_of(*ONE), losses, policy=policy)


def same_alignment(mesh, losses, policy="constrained"):
  group, found = sharded.aligned(mesh_of(*mesh), losses, policy=policy)
  one_group, one = aligned_on_one(losses, policy)
  np.testing.assert_array_equal(group.ids, one_group.ids)
  np.testing.assert_array_equal(group.codes, one_group.codes)
  close(found, one)


def test_a_rollout_and_its_update_are_those_of_one_device():
  same_alignment(MIXED, ("eg_grpo",))


@pytest.mark.slow
@every_mesh
def test_every_loss_updates_the_same_on_every_mesh(mesh):
  same_alignment(mesh, tuple(LOSSES))


@pytest.mark.slow
@every_mesh
@pytest.mark.parametrize("policy", POLICIES)
def test_every_policy_draws_the_same_on_every_mesh(mesh, policy):
  same_alignment(mesh, (), policy)


@functools.cache
def retriever(mesh=None):
  return Retriever(
    sharded.parts().model,
    sharded.learned("decoder_only")[2],
    semantic_ids(),
    batch_size=8,
    mesh=mesh and mesh_of(*mesh),
  )


def same_answers(one, other, kind, **options):
  prompt, queries, _ = sharded.searched()
  found, expected = (
    getattr(each, kind)(prompt, queries, beam_size=6, **options)
    for each in (one, other)
  )
  np.testing.assert_array_equal(found.ids, expected.ids)
  np.testing.assert_allclose(found.log_probs, expected.log_probs, atol=1e-5)
  return found.ids


def same_search(mesh):
  one, many = retriever(), retriever(mesh)
  *_, excluded = sharded.searched()
  same_answers(many, one, "unconstrained_search")
  plain = same_answers(many, one, "search")
  # The best answer to each as well.
  excluded = [np.append(*pair) for pair in zip(excluded, plain[:, 0])]
  filtered = same_answers(many, one, "search", excluded=excluded)
  for row, hidden in zip(filtered, excluded):
    assert not np.isin(row, hidden).any()
  # A catalogue that loses what was found first, and gains it again.
  ids = semantic_ids()
  live = make_live_trie(ids.ids, ids.level_sizes, capacity=ids.num_ids + 3)
  for version in (live, live.remove(ids.ids[plain[:, 0]])):
    found = same_answers(
      many.with_trie(version.trie), one.with_trie(version.trie), "search"
    )
    codes = version.ids[found[0, 0]]
    assert (codes == ids.ids[plain[0, 0]]).all() == (version is live)


def test_a_search_is_that_of_one_device():
  same_search(MIXED)


@pytest.mark.slow
@every_mesh
def test_every_mesh_finds_the_same(mesh):
  same_search(mesh)


def test_a_batch_is_rounded_up_to_the_devices_that_share_it():
  many = Retriever(
    sharded.parts().model,
    sharded.learned("decoder_only")[2],
    semantic_ids(),
    batch_size=5,
    mesh=mesh_of(*MIXED),
  )
  assert many.batch_size == 8
  assert retriever().batch_size == 8


def codes_of(case, directory, devices, monkeypatch):
  """The codes that a tokenizer gives when some devices fit it."""
  monkeypatch.setattr(jax, "local_devices", lambda: jax.devices()[:devices])
  monkeypatch.setattr(jax, "local_device_count", lambda: devices)
  assert devices == 1 or local_mesh().shape["data"] == devices
  tokenized = tiny_tokenizers.fit(case, directory)
  return tokenized.semantic_ids.codes


@pytest.mark.parametrize(
  ("case", "devices"),
  [("rq_vae", 8)]
  + [
    pytest.param(case, devices, marks=pytest.mark.slow)
    for case in tiny_tokenizers.CASES
    for devices in (2, 8)
  ],
)
def test_a_tokenizer_gives_the_same_codes(case, devices, tmp_path, monkeypatch):
  one, many = (
    codes_of(case, tmp_path / str(count), count, monkeypatch)
    for count in (1, devices)
  )
  np.testing.assert_array_equal(one, many)
