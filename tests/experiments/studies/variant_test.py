"""A run knows its config, its folder and its period."""

import pathlib
import types

import numpy as np
import pytest
from ml_collections import ConfigDict

from experiments.studies.variant import Run, Variant


class World:
  """As much of a world as a run asks for."""

  def __init__(self, folder):
    self.config = ConfigDict(
      {"align": {"rate": 1.0, "kl_coef": 0.5}, "evaluation": {"requests": 2}}
    )
    self.workdir, self.notes = folder, []

  def folder(self, seed, name):
    return self.workdir / f"seed_{seed}" / name

  def note(self, *noted):
    self.notes.append(noted)

  def count(self, artefact):
    pass

  def requests(self, kinds, *, split):
    return kinds, split


@pytest.fixture
def run(tmp_path):
  world = World(tmp_path)

  def make(**fields):
    return Run(world, "k0", Variant("K", {"align.kl_coef": 0.0}), 3, **fields)

  return make


def test_settings_come_after_the_changes_of_the_variant(run):
  config = run(settings={"align.rate": 2.0}).config
  assert config.align.to_dict() == {"rate": 2.0, "kl_coef": 0.0}
  assert "split" not in config.evaluation


def test_settings_of_the_config_have_the_folder_of_the_variant(run):
  plain = run().folder
  assert plain.name == "k0"
  assert run(settings={"align.rate": 1.0, "align.kl_coef": 0.0}).folder == plain
  other = run(settings={"align.rate": 2.0, "align.kl_coef": 0.0}).folder
  assert other == plain.with_name("k0,rate=2.0")
  assert run(settings={"align.rate": 2.0}, split="valid").folder == other


def test_what_is_tried_is_measured_elsewhere_and_notes_nothing(run):
  calls = []

  def measure(one, stage):
    calls.append(one.config.evaluation.get("split"))
    return {"hits": np.ones(2)}

  stage = types.SimpleNamespace(
    artefact=types.SimpleNamespace(fingerprint="abc")
  )
  tried = run(split="valid")
  for _ in range(2):
    assert run().columns(measure, stage)["hits"].tolist() == [1, 1]
    assert tried.columns(measure, stage)["hits"].tolist() == [1, 1]
  assert calls == [None, "valid"]
  folders = {path.name for path in pathlib.Path(tried.folder).iterdir()}
  assert folders == {"hits", "hits_valid"}
  assert tried.requests(("semantic",)) == (("semantic",), "valid")
  tried.note("runs", {"kl": 1.0})
  assert tried.world.notes == []
  run().note("runs", {"kl": 1.0})
  assert tried.world.notes == [("runs", "k0", {"kl": 1.0})]
