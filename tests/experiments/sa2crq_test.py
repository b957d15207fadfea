import numpy as np
import pytest
from ml_collections import ConfigDict

from configs import acrq, sa2crq, sarq
from experiments import sa2crq as experiment
from experiments.pipeline.embed import Vectors
from experiments.pipeline.prepare import Data
from experiments.pipeline.tokenize import tokenize
from gr_jax.artefacts import Artefact
from gr_jax.tokenizers.sa2crq import Sa2crq
from tests.reference.small_world import shop


def section(config=sa2crq) -> ConfigDict:
  """Small enough for the small world."""
  found = config.get_config("tiny").tokenizer
  found.vae.update(batch_size=32, steps=6, levels=(4, 4, 8), hidden=(8,))
  found.tail_steps = min(found.tail_steps, 2)
  found.head_levels = found.vae.levels if found.head_share >= 1 else (2, 3, 8)
  found.precision = "float32"
  return found


def tokenized(tmp_path, config):
  catalogue = shop().catalogue
  rng = np.random.default_rng(0)
  items = rng.normal(size=(len(catalogue), 6)).astype(np.float32)
  artefact = Artefact(tmp_path, "a mark", 0.0)
  return tokenize(
    config,
    tmp_path,
    Data(catalogue, shop().requests, artefact),
    Vectors(items, items[:0], artefact),
    fit=experiment.fit,
  ).semantic_ids


def test_ids_that_end_pass_the_stage_with_their_quality(tmp_path):
  config = section()
  config.tau_items = (1.0, 20.0)
  ids = tokenized(tmp_path, config)
  assert len(ids) == len(shop().catalogue)
  assert (ids.codes < 0).any()
  assert "code_length" in (tmp_path / "tokenizer/quality.json").read_text()


def test_sarq_has_one_phase_and_acrq_no_ends(tmp_path):
  short = Sa2crq.settings(section(sarq))
  assert not short.extends
  assert short.tail_steps == 0
  ids = tokenized(tmp_path, section(acrq))
  assert (ids.codes >= 0).all()


def test_the_head_holds_its_share_and_all_items_from_one_on():
  popularity = np.array([5, 0, 4, 1])
  head = experiment.head_items(popularity, share=0.8)
  np.testing.assert_array_equal(head, [True, False, True, False])
  assert experiment.head_items(popularity, share=1.0).all()


def test_some_steps_are_left_for_the_head():
  config = section()
  config.tail_steps = config.vae.steps
  with pytest.raises(ValueError, match="leave some for the head"):
    Sa2crq.settings(config)
