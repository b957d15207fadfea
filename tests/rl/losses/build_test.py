import jax.numpy as jnp
import numpy as np
import pytest

from gr_jax.rl.losses.build import LOSSES, build_loss
from gr_jax.rl.losses.grpo import dr_grpo_loss, eg_grpo_loss
from gr_jax.rl.scored_group import ScoredGroup


def group():
  rng = np.random.default_rng(0)
  new, old, ref = rng.normal(size=(3, 2, 4, 3)).astype(np.float32)
  where = np.ones(new.shape, bool)
  rewards = rng.random((2, 4)).astype(np.float32)
  return ScoredGroup(new, old, rewards, where, where[..., 0], ref)


@pytest.mark.parametrize("name", LOSSES)
def test_every_loss_is_built_by_its_name_and_gives_a_number_a_group(name):
  found = build_loss(name)(group())
  assert found.shape == (2,)
  assert jnp.isfinite(found).all()
  assert (found != 0).all() == (name != "none")


def test_options_reach_the_loss_and_empty_ones_leave_its_own():
  found = build_loss("eg_grpo", options={"clip_eps": 0.01, "beta": None})
  expected = eg_grpo_loss(group(), clip_eps=0.01)
  np.testing.assert_array_equal(found(group()), expected)
  assert (expected != eg_grpo_loss(group())).any()
  assert build_loss("eg_grpo") is eg_grpo_loss


def test_advantages_replace_the_own_ones_of_the_loss():
  normalized = build_loss("dr_grpo", advantages="normalized")(group())
  assert (normalized != dr_grpo_loss(group())).all()
  centered = build_loss("dr_grpo", advantages="centered")(group())
  np.testing.assert_array_equal(centered, dr_grpo_loss(group()))


@pytest.mark.parametrize(
  ("name", "choices", "message"),
  [
    ("x", {}, "align.loss is 'x'; use one of grpo, dapo"),
    (
      "dapo",
      {"options": {"clip_eps": 0.1}},
      "has 'clip_eps'; the options of dapo are: clip_high, clip_low",
    ),
    ("none", {"options": {"beta": 0.1}}, "the options of none are: none"),
    ("grpo", {"advantages": "x"}, "align.advantages is 'x'; use one of norm"),
    ("dpo", {"advantages": "centered"}, "dpo has no advantages"),
  ],
)
def test_an_unknown_name_or_option_is_refused_in_one_line(
  name, choices, message
):
  with pytest.raises(ValueError, match=message) as raised:
    build_loss(name, **choices)
  assert "\n" not in str(raised.value)
