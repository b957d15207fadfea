"""The recipe of a flow model of real pictures."""

import pytest

from configs import flow_pictures
from gr_jax.data.pictures.labeled_pictures import SIDE
from gr_jax.diffusion.networks.mm_dit import MMDiTConfig
from gr_jax.training.loop import LoopConfig
from gr_jax.training.optimizer import OptimizerConfig


@pytest.mark.parametrize("preset", flow_pictures.PRESETS)
def test_sections_are_those_of_the_library(preset):
  config = flow_pictures.get_config(preset)
  assert SIDE % MMDiTConfig(**config.flow.network).patch == 0
  for section in (config.classifier, config.flow):
    OptimizerConfig(**section.optimizer)
    LoopConfig(**section.loop)


def test_the_tiny_preset_is_smaller():
  tiny, default = map(flow_pictures.get_config, ("tiny", ""))
  for section in ("classifier", "flow"):
    assert tiny[section].loop.steps < default[section].loop.steps / 10
  assert tiny.flow.network.width < default.flow.network.width
  assert tiny.evaluation.per_class < default.evaluation.per_class


def test_an_unknown_preset_names_the_known_ones():
  with pytest.raises(ValueError, match=r"unknown preset 'paper'.*tiny"):
    flow_pictures.get_config("paper")
