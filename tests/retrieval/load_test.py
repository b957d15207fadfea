"""Artefacts are loaded whole, or refused in one line."""

import functools
import itertools
import json
import os
import shutil

import chex
import jax
import numpy as np
import pytest

from gr_jax import manifests
from gr_jax.candidates.candidates import KINDS
from gr_jax.candidates.sources.tastes import Tastes
from gr_jax.decoding.beam_search import beam_search
from gr_jax.decoding.trie import build_trie
from gr_jax.generators.build import NETWORKS, PROMPT_ENCODERS
from gr_jax.generators.values import VALUES
from gr_jax.retrieval.load import load_artefacts
from gr_jax.retrieval.load_manifests import STAGES
from tests.reference import resealed, tiny_tokenizers, trained_run


def test_a_finished_run_is_loaded(run):
  artefacts = load_artefacts(run)
  assert len(artefacts.catalogue) == len(artefacts.semantic_ids) == 60
  assert artefacts.category_depth == 3
  assert artefacts.collisions == "suffix"
  section = artefacts.manifests["generator"]["section"]
  assert artefacts.prompt.history == section["prompt"]["history"]


@functools.partial(jax.jit, static_argnames="model")
def search(variables, prompt, trie, *, model):
  return beam_search(model, variables, prompt, trie, beam_size=8)


AXES = (tuple(NETWORKS), tuple(PROMPT_ENCODERS), trained_run.TOKENIZERS)
# IDs that end early, of equal lengths, of one code, and paths in a tree: the
# IDs of other tokenizers are of these kinds.
KINDS_OF_IDS = ("sa2crq", "cq_sid", "atomic", "semantic")


def every_run():
  """Networks, prompt encoders and tokenizers; one axis at a time is fast."""
  usual = [names[0] for names in AXES]
  for names in itertools.product(*AXES):
    changed = sum(name != first for name, first in zip(names, usual))
    fast = changed <= 1 and names[-1] in KINDS_OF_IDS
    yield pytest.param(*names, marks=() if fast else pytest.mark.slow)


@pytest.mark.parametrize(
  ("network", "prompt_encoder", "tokenizer"), list(every_run())
)
def test_a_loaded_generator_ranks_as_the_trained_one(
  shared, tmp_path, network, prompt_encoder, tokenizer
):
  run = tiny_tokenizers.copy(tokenizer, shared, tmp_path / "run")
  trained = trained_run.make(
    run,
    tokenizer=tokenizer,
    network=network,
    prompt_encoder=prompt_encoder,
  )
  loaded = load_artefacts(run)
  assert loaded.model == trained.model
  ids = loaded.semantic_ids
  rows = np.arange(100, 104)
  prompt = (
    trained.writer.prompts(rows, shown=np.ones(4, bool)),
    trained.writer.queries(np.array([0, -1, 3, 2])),
  )
  trie = build_trie(ids.ids, ids.level_sizes)
  before, after = (
    # On one device, as loaded: one program.
    search(jax.device_get(variables), prompt, trie, model=model)
    for model, variables in (
      (trained.model, trained.params),
      (loaded.model, loaded.variables),
    )
  )
  chex.assert_trees_all_equal(before, after)
  assert np.isfinite(before.log_probs).any()
  if network == "lazy_ar":
    (run / "generator" / VALUES).unlink()
    resealed.reseal(run / "generator")
    with pytest.raises(ValueError, match=f"{VALUES} is missing"):
      load_artefacts(run)


@pytest.fixture(scope="module")
def run_with_transitions(tmp_path_factory):
  directory = tmp_path_factory.mktemp("run")
  transitions = {"window": 2, "neighbours": 3, "last": 2}
  return trained_run.make(directory, transitions=transitions), directory


def test_transitions_are_those_of_the_training(run_with_transitions):
  trained, directory = run_with_transitions
  counts = load_artefacts(directory).variables["counts"]
  chex.assert_trees_all_equal(counts, trained.params["counts"])


def test_lost_transitions_are_refused_in_one_line(
  run_with_transitions, tmp_path
):
  directory = shutil.copytree(run_with_transitions[1], tmp_path / "run")
  (directory / "generator" / "transitions.npz").unlink()
  resealed.reseal(directory / "generator")
  with pytest.raises(ValueError, match=r"transitions\.npz") as caught:
    load_artefacts(directory)
  assert "\n" not in str(caught.value)


@pytest.fixture(scope="module")
def run_with_candidates(tmp_path_factory):
  directory = tmp_path_factory.mktemp("run")
  return trained_run.make(
    directory,
    candidates={"size": 12, "fit_steps": 50, "share_requests": 8},
  ), directory


def test_the_share_of_the_network_is_chosen_where_it_is_trained(
  run_with_candidates,
):
  trained, directory = run_with_candidates
  rows = json.loads((directory / "generator/network_share.json").read_text())
  kinds = list(dict.fromkeys(row["requests"] for row in rows))
  assert [row["share"] for row in rows] == [1.0, 0.5, 0.25, 0.0] * len(kinds)
  kept = trained.params["params"]["prior"]["candidates"]["used"]
  chosen = {row["requests"]: row["share"] for row in rows if row["chosen"]}
  assert {kind: kept[KINDS.index(kind)] for kind in kinds} == chosen


def test_candidates_are_those_of_the_training(run_with_candidates):
  trained, directory = run_with_candidates
  loaded = load_artefacts(directory)
  assert loaded.model == trained.model
  written = trained.writer.candidates
  rows, shown = np.arange(380, 400)[:, None], np.ones(20, bool)
  again = loaded.candidates.writer.of(written.log)
  chex.assert_trees_all_equal(
    again(rows, shown=shown), written(rows, shown=shown)
  )


@pytest.mark.parametrize("file", ["sources.npz", "writer.json"])
@pytest.mark.parametrize("lost", [True, False])
def test_lost_or_cut_candidates_are_refused_in_one_line(
  run_with_candidates, tmp_path, file, lost
):
  directory = shutil.copytree(run_with_candidates[1], tmp_path / "run")
  path = directory / "generator" / "candidates" / file
  if lost:
    path.unlink()
  else:
    os.truncate(path, path.stat().st_size // 2)
  for message in (file, file if lost else "cannot be read"):
    with pytest.raises(ValueError, match=message) as caught:
      load_artefacts(directory)
    assert "\n" not in str(caught.value)
    # As older versions left it: without checksums.
    resealed.reseal(directory / "generator")


def test_features_that_do_not_fit_the_model_are_refused(
  run_with_candidates, tmp_path
):
  directory = shutil.copytree(run_with_candidates[1], tmp_path / "run")
  path = directory / "generator" / "candidates" / "writer.json"
  content = json.loads(path.read_text())
  kinds = [source["kind"] for source in content["sources"]]
  place = kinds.index("Tastes")  # Arrays of the others keep their places.
  assert place == len(kinds) - 1
  content["sources"].pop()
  content["names"] = content["names"][: -len(Tastes.names)]
  path.write_text(json.dumps(content))
  resealed.reseal(directory / "generator")
  with pytest.raises(
    ValueError, match=r"candidates/first of .*its configuration of"
  ):
    load_artefacts(directory)


def test_a_folder_that_is_not_there_raises(tmp_path):
  with pytest.raises(FileNotFoundError, match="there is no folder"):
    load_artefacts(tmp_path / "nothing")


@pytest.mark.parametrize("stage", STAGES)
def test_an_unfinished_stage_raises_with_its_name(copied, stage):
  (copied / stage / "manifest.json").unlink()
  with pytest.raises(FileNotFoundError, match=f"no finished stage '{stage}'"):
    load_artefacts(copied)


def checkpoint_data(run):
  """The largest file of the parameters."""
  params = run / "generator" / "params"
  files = [p for p in params.rglob("*") if p.is_file()]
  return max(files, key=lambda path: path.stat().st_size)


FILES = (
  "data/catalogue/items.parquet",
  "data/catalogue/category_names.json",
  "tokenizer/semantic_ids/codes.npy",
  "tokenizer/semantic_ids/level_sizes.json",
  "tokenizer/manifest.json",
  "generator/vocabulary.json",
)


@pytest.mark.parametrize("file", FILES)
def test_a_truncated_file_is_refused_in_one_line(copied, file):
  path = copied / file
  os.truncate(path, path.stat().st_size // 2)
  with pytest.raises(
    ValueError, match=f"{file} .*gr_jax.main --workdir=.* makes"
  ):
    load_artefacts(copied)
  if path.name != manifests.MANIFEST:
    # As older versions left it: without checksums.
    resealed.reseal(copied / file.partition("/")[0])
    with pytest.raises(ValueError, match="cannot be read") as caught:
      load_artefacts(copied)
    assert "\n" not in str(caught.value)


def flip(path):
  content = bytearray(path.read_bytes())
  content[len(content) // 3] ^= 4
  path.write_bytes(content)


@pytest.mark.parametrize("damage", [flip, os.remove])
def test_a_damaged_checkpoint_is_refused_by_name(copied, damage):
  path = checkpoint_data(copied)
  name = path.relative_to(copied).as_posix()
  damage(path)
  with pytest.raises(ValueError, match=f": {name} .*makes it anew") as caught:
    load_artefacts(copied)
  assert "\n" not in str(caught.value)


def test_a_stage_of_another_run_is_refused(copied):
  resealed.reseal(copied / "tokenizer", fingerprint="another")
  with pytest.raises(ValueError, match="generator was made from another 'tok"):
    load_artefacts(copied)


def test_without_parameters_of_their_own_the_last_checkpoint_has_them(copied):
  """As runs before there was a best step left them."""
  whole = load_artefacts(copied).params
  for leaf in jax.tree.leaves(whole):
    # Saved from eight devices, and read where there may be one.
    assert leaf.sharding.device_set == {jax.devices()[0]}
  shutil.rmtree(copied / "generator" / "params")
  resealed.reseal(copied / "generator")
  last = load_artefacts(copied).params
  for params in (whole, last):
    # The network's shares are chosen after the last checkpoint.
    params["params"]["prior"].get("candidates", {}).pop("used", None)
  chex.assert_trees_all_equal(last, whole)


def test_codes_of_another_catalogue_are_refused(copied):
  path = copied / "tokenizer" / "semantic_ids" / "codes.npy"
  np.save(path, np.load(path)[:-1])
  resealed.reseal(copied / "tokenizer")
  with pytest.raises(ValueError, match="59 semantic IDs"):
    load_artefacts(copied)


def test_a_checkpoint_of_another_generator_is_refused(copied):
  resealed.edit_section(copied / "generator", model={"width": 16})
  with pytest.raises(
    ValueError, match=r"checkpoint has params/.*, its configuration of"
  ):
    load_artefacts(copied)


def test_an_aligned_generator_is_loaded_in_place_of_the_trained(copied):
  aligned = copied / "alignment"
  shutil.copytree(copied / "generator" / "checkpoints", aligned / "checkpoints")
  with pytest.raises(FileNotFoundError, match="no finished stage 'alignment'"):
    load_artefacts(copied)
  (aligned / "manifest.json").write_text(
    json.dumps({"fingerprint": "of the alignment", "section": {}})
  )
  for folder in ("checkpoints", "params"):
    shutil.rmtree(copied / "generator" / folder)
  resealed.reseal(copied / "generator")
  assert load_artefacts(copied).fingerprint == "of the alignment"


@pytest.mark.parametrize(
  ("key", "value", "message"),
  [
    ("network", "recurrent", "network is 'recurrent'; use one of decoder_only"),
    ("network", "encoder_decoder", "has no parameter params/"),
    ("prompt_encoder", "stacked", "prompt_encoder is 'stacked'; use one of"),
    ("prompt_encoder", "merge_items", "has no parameter params/prompt_encoder"),
    ("prompt_encoder", "merged", "'merged' is now 'merge_items'"),
    ("count_alpha", 0.0, "configuration has no parameter params/prior"),
  ],
)
def test_a_generator_that_was_not_trained_is_refused(
  copied, key, value, message
):
  resealed.edit_section(copied / "generator", **{key: value})
  with pytest.raises(ValueError, match=message) as caught:
    load_artefacts(copied)
  assert "\n" not in str(caught.value)
