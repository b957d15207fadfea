"""What arms draw, and what they train."""

import chex
import jax
import numpy as np
import pytest
from flax import linen as nn

from configs import sol_rl
from experiments.pictures.adapter import trained_part, velocity_of
from experiments.pictures.align import (
  POLICY,
  explorer,
  prompts_of,
  rollout_of,
  validated,
)
from experiments.pictures.flow import TrainedFlow, build_model
from experiments.pictures.measure import judged
from experiments.pictures.rewards import ChosenReward, judge_reward
from experiments.pictures.worlds import build_world
from gr_jax.artefacts import Artefact
from gr_jax.nn.lora import in_one
from gr_jax.quantization.policy import quantize_params
from gr_jax.quantization.qtensor import QTensor


def config_of(**align):
  config = sol_rl.get_config("tiny")
  config.align.update(align)
  return config


@pytest.fixture(scope="module")
def flow(tmp_path_factory):
  """A model that nobody trained."""
  config = config_of()
  world = build_world(config.world)
  model = build_model(config.flow, world)
  tokens = world.caption_tokens(world.prompts(1))
  params = jax.jit(model.init)(
    jax.random.key(0), np.zeros((1, *model.config.shape)), np.zeros(1), tokens
  )
  folder = tmp_path_factory.mktemp("flow")
  artefact = Artefact(folder, "f", 0.0)
  return TrainedFlow(world, model, jax.tree.map(_noisy, nn.unbox(params)),
                     artefact)  # fmt: skip


def _noisy(x):
  rng = np.random.default_rng(x.size)
  return x + 0.1 * rng.normal(size=x.shape).astype(np.float32)


def test_products_of_blocks_are_quantized_and_nothing_else(flow):
  found = jax.tree.leaves_with_path(
    quantize_params(flow.params, POLICY, "four_over_six_mse_256"),
    is_leaf=lambda x: isinstance(x, QTensor),
  )
  names = {
    jax.tree_util.keystr(path, simple=True, separator="/")
    for path, leaf in found
    if isinstance(leaf, QTensor)
  }
  assert names
  assert all("double" in name or "single" in name for name in names)
  assert not any("modulation" in name for name in names)


def test_an_adapter_starts_as_no_change(flow):
  """Its velocity and the merged weights are those of the model."""
  trained = trained_part(config_of().align, flow)
  chex.assert_trees_all_close(trained.whole(trained.params), flow.params)
  x = jax.random.normal(jax.random.key(1), (2, *flow.model.config.shape))
  tokens = flow.world.caption_tokens(flow.world.prompts(2))
  t = np.array([0.3, 0.9], np.float32)
  found = trained.velocity({**trained.fixed, **trained.params}, x, t, tokens)
  expected = velocity_of(flow.model)(flow.params, x, t, tokens)
  np.testing.assert_allclose(found, expected, atol=1e-4)
  leaves = jax.tree.leaves_with_path(trained.params)
  assert {path[-1].key for path, _ in leaves} == {"lora_a", "lora_b"}


def test_without_a_rank_all_weights_are_trained(flow):
  config = config_of()
  config.align.lora.rank = 0
  trained = trained_part(config.align, flow)
  assert trained.whole is None
  assert not trained.fixed
  chex.assert_trees_all_equal(in_one(trained.params), flow.params)


def test_an_explorer_reads_four_bits_only_where_a_format_is_named(flow):
  config = config_of()
  quantize, _ = explorer(config.align, flow)
  assert quantize is not None
  config.align.explore.weights = ""
  assert explorer(config.align, flow)[0] is None


def test_what_cannot_explore_is_refused_before_anything_is_trained(flow):
  config = config_of()
  config.align.explore.candidates = 0
  with pytest.raises(ValueError, match="nothing explores"):
    rollout_of(config.align, flow, judge_reward(flow.world).reward)


def test_prompts_depend_on_the_seed_and_the_update(flow):
  config = config_of()
  first = prompts_of(config.align, flow, 0)
  chex.assert_trees_all_equal(first, prompts_of(config.align, flow, 0))
  config.align.prompts.batch_size = 8
  rows = [prompts_of(config.align, flow, k).prompts.tolist() for k in (0, 1)]
  config.align.seed = 1
  rows.append(prompts_of(config.align, flow, 0).prompts.tolist())
  assert rows[0] != rows[1]
  assert rows[0] != rows[2]


class Drawn:
  """Three prompts, each with its scene and an empty picture."""

  def __init__(self, world):
    self.world, scenes = world, world.scenes(3, split=1)
    self.prompts = scenes.prompts
    self.tokens = world.caption_tokens(scenes.prompts)
    drawn = np.asarray(world.render(scenes))
    self.pictures = np.stack([drawn, np.zeros_like(drawn)], axis=1)

  def __call__(self, params):
    del params
    return self.pictures


def test_validation_measures_a_proxy_beside_the_gold_reward(flow):
  pictures, gold, seen = Drawn(flow.world), judge_reward(flow.world), []

  def brightness(prompts, drawn):
    seen.append((prompts, drawn))
    return np.abs(drawn).mean(axis=(1, 2, 3))

  alone = validated(pictures, None, gold)
  assert "eval/proxy" not in alone
  found = validated(pictures, None, ChosenReward(brightness, flow.artefact))
  assert found.pop("eval/proxy") == pytest.approx(alone["eval/brightness"])
  assert found == alone
  ((tokens, facts), drawn), *_ = seen
  np.testing.assert_array_equal(tokens, flow.world.caption_tokens(facts))
  # Each prompt has its own pictures.
  scores = gold.reward((tokens, facts), drawn)
  assert scores.mean() == pytest.approx(alone["eval/reward"], rel=1e-5)


def test_scores_are_means_over_the_pictures_of_a_prompt(flow):
  pictures = Drawn(flow.world)
  drawn = pictures.pictures[:, 0]
  found = judged(flow.world, pictures.pictures, pictures.prompts)
  np.testing.assert_allclose(found["exact"], 0.5)
  assert np.isnan(found["position"]).all()
  np.testing.assert_allclose(
    found["diversity"], (np.abs(drawn) / 2).mean(axis=(1, 2, 3)), rtol=1e-5
  )
