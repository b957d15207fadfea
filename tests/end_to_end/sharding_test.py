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

from experiments.pipeline.network_share import with_shares
from experiments.pipeline.tasks import TASKS
from gr_jax.candidates.candidates import KINDS
from gr_jax.decoding.live_trie import make_live_trie
from gr_jax.generators.build import NETWORKS, PROMPT_ENCODERS
from gr_jax.generators.priors.catalogue_counts import count_catalogue
from gr_jax.parallel.mesh import local_mesh
from gr_jax.retrieval.retriever import Retriever
from gr_jax.rl.losses.build import LOSSES
from gr_jax.rl.policies import POLICIES
from gr_jax.tokenizers.build import TOKENIZERS
from tests.reference import sharded, tiny_tokenizers
from tests.reference.sharded import GENERATORS, MESHES, MIXED, ONE, mesh_of
from tests.reference.sharded_alignment import aligned
from tests.reference.sharded_search import retriever, same_answers, searched
from tests.reference.small_world import semantic_ids

close = functools.partial(chex.assert_trees_all_close, rtol=1e-5, atol=1e-5)
every_mesh = pytest.mark.parametrize("mesh", MESHES.values(), ids=MESHES)
every_generator = pytest.mark.parametrize("name", GENERATORS)


def test_the_matrix_has_every_part_that_a_config_can_name():
  """Losses and policies are read from their tables."""
  cases = GENERATORS.values()
  for key, default, table in (
    ("network", "decoder_only", NETWORKS),
    ("prompt_encoder", "sum_items", PROMPT_ENCODERS),
    ("task", "point_wise", TASKS),
  ):
    assert {case.get(key, default) for case in cases} == set(table), key
  sections = map(tiny_tokenizers.section, tiny_tokenizers.CASES)
  assert {section.name for section in sections} == set(TOKENIZERS)


@functools.cache
def trained_on_one(name):
  return sharded.trained(name, mesh_of(*ONE))


def test_a_step_of_training_is_that_of_one_device():
  close(sharded.trained("counted", mesh_of(*MIXED)), trained_on_one("counted"))


@pytest.mark.slow
@every_mesh
@every_generator
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
def aligned_on_one(losses, **options):
  return aligned(mesh_of(*ONE), losses, **options)


def same_alignment(mesh, losses, **options):
  group, found = aligned(mesh_of(*mesh), losses, **options)
  one_group, one = aligned_on_one(losses, **options)
  np.testing.assert_array_equal(group.ids, one_group.ids)
  np.testing.assert_array_equal(group.codes, one_group.codes)
  close(found, one)


def test_a_rollout_and_its_update_are_those_of_one_device():
  same_alignment(MIXED, ("eg_grpo",))


@pytest.mark.slow
@every_mesh
@every_generator
def test_every_generator_is_aligned_the_same_on_every_mesh(name, mesh):
  same_alignment(mesh, ("eg_grpo",), name=name)


@pytest.mark.slow
@every_mesh
def test_every_loss_updates_the_same_on_every_mesh(mesh):
  same_alignment(mesh, tuple(LOSSES))


@pytest.mark.slow
@every_mesh
@pytest.mark.parametrize("policy", POLICIES)
def test_every_policy_draws_the_same_on_every_mesh(mesh, policy):
  same_alignment(mesh, (), policy=policy)


def same_search(mesh, name="decoder_only"):
  one, many = retriever(name=name), retriever(mesh, name)
  *_, excluded = searched(name)
  same_answers(many, one, name, kind="unconstrained_search")
  plain = same_answers(many, one, name)
  # The best answer to each as well.
  excluded = [np.append(*pair) for pair in zip(excluded, plain[:, 0])]
  filtered = same_answers(many, one, name, excluded=excluded)
  for row, hidden in zip(filtered, excluded):
    assert not np.isin(row, hidden).any()
  # A catalogue that loses what was found first, and gains it again.
  ids = semantic_ids()
  live = make_live_trie(ids.ids, ids.level_sizes, capacity=ids.num_ids + 3)
  gone = live.remove(ids.ids[plain[:, 0]])
  for version in (live, gone, gone.add(ids.ids[plain[:, 0]])):
    found = same_answers(
      many.with_trie(version.trie), one.with_trie(version.trie), name
    )
    codes = version.ids[found[0, 0]]
    same = (codes == ids.ids[plain[0, 0]]).all()
    assert same == (version is not gone)


def test_a_search_is_that_of_one_device():
  same_search(MIXED)


@pytest.mark.slow
@every_mesh
@every_generator
def test_every_generator_finds_the_same_on_every_mesh(name, mesh):
  same_search(mesh, name)


@pytest.mark.slow
@every_mesh
def test_candidates_alone_are_found_the_same(mesh):
  """With none of the network used, another program answers.

  Items that were bought equally often would share one score, whose last bit
  would order them; here no two were.
  """
  _, _, params, _ = sharded.learned("candidates")
  bought = np.random.default_rng(0).permutation(600)[:60]
  counts = count_catalogue(semantic_ids(), bought, alpha=1.0)
  alone = with_shares(params, dict.fromkeys(KINDS, 0.0)) | {
    "counts": {"catalogue": counts}
  }
  one, many = (
    retriever(where, "candidates").with_variables(alone)
    for where in (None, mesh)
  )
  found = same_answers(many, one, "candidates")
  with_network = same_answers(
    retriever(name="candidates"), retriever(name="candidates"), "candidates"
  )
  assert (found != with_network).any()


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
