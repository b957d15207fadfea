"""What a version's generator has of its parent."""

import types

import numpy as np
import pytest

from experiments.updates.learn import _steps, link_parent, nothing_replayed
from experiments.updates.settings import UpdateConfig
from gr_jax.generators.values import load_values, save_values
from gr_jax.training.optimizer import OptimizerConfig, cosine_schedule


def values(rerank: float) -> dict:
  return {"values": {"edges": np.arange(2.0), "rerank": np.float32(rerank)}}


def test_a_version_ranks_by_the_values_that_its_parent_is_served_with(tmp_path):
  trained = tmp_path / "run" / "generator"
  trained.mkdir(parents=True)
  for name in ("vocabulary.json", "manifest.json", "value_rerank.json"):
    (trained / name).write_text(name)
  save_values(trained, values(0.25))
  # As an alignment leaves it, in a folder of its own.
  parent = types.SimpleNamespace(
    directory=tmp_path / "run", params={"params": {}} | values(0.75)
  )
  version = tmp_path / "version"
  link_parent(parent, version)
  assert load_values(version)["values"]["rerank"] == 0.75
  # No link was written through.
  assert load_values(trained)["values"]["rerank"] == 0.25
  assert sorted(path.name for path in version.iterdir()) == [
    "values.npz", "vocabulary.json",
  ]  # fmt: skip


def test_a_generator_without_values_gets_none(tmp_path):
  (tmp_path / "run" / "generator").mkdir(parents=True)
  parent = types.SimpleNamespace(directory=tmp_path / "run", params={})
  link_parent(parent, tmp_path / "version")
  assert load_values(tmp_path / "version") == {}


def test_where_nothing_is_replayed_it_says_why():
  assert "candidates have counted" in nothing_replayed(candidates=True)
  assert "candidates" not in nothing_replayed(candidates=False)


def test_every_update_learns_something():
  """The first step has a rate of 0."""
  config = UpdateConfig(passes=0.1)
  assert _steps(16, 1, 0, config) == 2
  assert _steps(16, 1, 100, config) == 2
  peak = OptimizerConfig(learning_rate=1.0, warmup_share=0.1)
  assert cosine_schedule(peak, 2)(1) > 0.5
  for steps in (1, -1):
    with pytest.raises(ValueError, match=f"--steps={steps}: must be 0, or 2"):
      UpdateConfig(steps=steps)
