"""Artefacts are loaded whole, or refused in one line."""

import concurrent.futures
import json
import multiprocessing
import os
import shutil

import numpy as np
import pytest

from gr_jax.generators.encoder_decoder import EncoderDecoder
from gr_jax.generators.priors.transition_counts import count_transitions
from gr_jax.generators.prompts.merge_items import MergeItems
from gr_jax.retrieval.load import STAGES, load_artefacts
from gr_jax.tokenizers.semantic_ids import SemanticIds


def test_a_finished_run_is_loaded(run):
  artefacts = load_artefacts(run)
  assert len(artefacts.catalogue) == len(artefacts.semantic_ids) == 60
  assert artefacts.category_depth == 3
  assert artefacts.collisions == "suffix"
  section = artefacts.manifests["generator"]["section"]
  assert artefacts.prompt.history == section["prompt"]["history"]


def test_transitions_are_loaded_where_the_generator_was_told_them(copied):
  assert load_artefacts(copied).transitions is None
  path = copied / "generator" / "manifest.json"
  manifest = json.loads(path.read_text())
  manifest["section"]["transitions"] = {"neighbours": 2}
  path.write_text(json.dumps(manifest))
  with pytest.raises(ValueError, match=r"transitions\.npz"):
    load_artefacts(copied)
  ids = ids_of(copied)
  items = np.arange(len(ids))
  told = count_transitions(
    ids, items, items // 9, window=2, neighbours=2, last=3
  )
  told.save(copied / "generator" / "transitions.npz")
  loaded = load_artefacts(copied).transitions
  np.testing.assert_array_equal(loaded.weights, told.weights)
  assert loaded.last == 3


def ids_of(run):
  return SemanticIds.load(run / "tokenizer" / "semantic_ids")


def test_a_folder_that_is_not_there_is_told(tmp_path):
  with pytest.raises(FileNotFoundError, match="there is no folder"):
    load_artefacts(tmp_path / "nothing")


@pytest.mark.parametrize("stage", STAGES)
def test_an_unfinished_stage_is_told_by_name(copied, stage):
  (copied / stage / "manifest.json").unlink()
  with pytest.raises(FileNotFoundError, match=f"no finished stage '{stage}'"):
    load_artefacts(copied)


def checkpoint_data(run):
  """The largest file of the last checkpoint."""
  steps = run / "generator" / "checkpoints"
  last = max((p for p in steps.iterdir() if p.name.isdigit()), key=_number)
  files = [p for p in (last / "state").rglob("*") if p.is_file()]
  return max(files, key=lambda path: path.stat().st_size)


def _number(path) -> int:
  return int(path.name)


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
  with pytest.raises(ValueError, match=r"cannot be read|damaged") as caught:
    load_artefacts(copied)
  assert "\n" not in str(caught.value)


def test_a_truncated_checkpoint_is_refused_in_one_line(copied):
  """In a process of its own: readers that Orbax leaves behind answer a loop
  that is closed, sometimes in the middle of the next test."""
  path = checkpoint_data(copied)
  os.truncate(path, path.stat().st_size // 2)
  spawn = multiprocessing.get_context("spawn")
  with (
    concurrent.futures.ProcessPoolExecutor(1, mp_context=spawn) as alone,
    pytest.raises(ValueError, match=r"cannot be read|damaged") as caught,
  ):
    alone.submit(load_artefacts, copied).result()
  assert "\n" not in str(caught.value)


def test_codes_of_another_catalogue_are_refused(copied):
  path = copied / "tokenizer" / "semantic_ids" / "codes.npy"
  np.save(path, np.load(path)[:-1])
  with pytest.raises(ValueError, match="59 semantic IDs"):
    load_artefacts(copied)


def test_a_checkpoint_of_another_generator_is_refused(copied):
  path = copied / "generator" / "manifest.json"
  manifest = json.loads(path.read_text())
  manifest["section"]["model"]["width"] *= 2
  path.write_text(json.dumps(manifest))
  with pytest.raises(ValueError, match="the checkpoint has embeddings"):
    load_artefacts(copied)


def test_an_aligned_generator_is_served_in_place_of_the_trained(copied):
  aligned = copied / "alignment"
  shutil.copytree(copied / "generator" / "checkpoints", aligned / "checkpoints")
  with pytest.raises(FileNotFoundError, match="no finished stage 'alignment'"):
    load_artefacts(copied)
  (aligned / "manifest.json").write_text(
    json.dumps({"fingerprint": "of the alignment", "section": {}})
  )
  shutil.rmtree(copied / "generator" / "checkpoints")
  assert load_artefacts(copied).fingerprint == "of the alignment"


def test_prompts_are_arranged_as_in_training(copied):
  path = copied / "generator" / "manifest.json"
  manifest = json.loads(path.read_text())
  for name, kind in (("merged", MergeItems), ("stacked", None)):
    manifest["section"]["prompt_encoder"] = name
    path.write_text(json.dumps(manifest))
    if kind is None:
      with pytest.raises(
        ValueError, match=r"no such prompt_encoder .*'stacked'"
      ):
        load_artefacts(copied)
    else:
      assert isinstance(load_artefacts(copied).model.prompt_encoder, kind)


@pytest.mark.parametrize("name", ["encoder_decoder", "nci", "recurrent"])
def test_the_network_is_the_one_that_was_trained(copied, name):
  path = copied / "generator" / "manifest.json"
  manifest = json.loads(path.read_text())
  manifest["section"] |= {"network": name, "adaptor_layers": 2}
  path.write_text(json.dumps(manifest))
  if name == "recurrent":
    with pytest.raises(ValueError, match="no such network: 'recurrent'"):
      load_artefacts(copied)
    return
  model = load_artefacts(copied).model
  assert isinstance(model, EncoderDecoder)
  if name == "nci":
    assert model.adaptor.config.layers == 2
    assert model.adaptor.config.width == model.config.width
  else:
    assert model.adaptor is None
