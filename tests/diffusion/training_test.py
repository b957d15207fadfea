"""Training of a flow model."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gr_jax.diffusion.flow_model import FlowModel
from gr_jax.diffusion.times import LogitNormal
from gr_jax.diffusion.training import (
  Captioned,
  FlowTrainingConfig,
  batch_losses,
  train,
)
from gr_jax.parallel.mesh import MeshConfig, make_mesh
from gr_jax.training.averaging import used_params
from gr_jax.training.loop import LoopConfig
from gr_jax.training.optimizer import OptimizerConfig
from tests.reference.small_flow import (
  MODEL,
  TOKENS,
  first_model_params,
  noisy,
)

ROWS = 4


def make(number):
  """A batch whose pictures are as bright as their first token says."""
  rng = np.random.default_rng(number)
  tokens = TOKENS[rng.integers(0, 3, ROWS)]
  bright = (tokens[:, 0, None, None, None] - 2) / 2
  return Captioned(np.float32(bright + np.zeros(MODEL.shape)), tokens)


def config(steps):
  return FlowTrainingConfig(
    batch_size=ROWS,
    optimizer=OptimizerConfig(schedule="constant", average=0.5),
    loop=LoopConfig(steps=steps, checkpoint_every=3),
  )


def losses(params, *, drop_rate=0.0, key=0):
  return batch_losses(
    FlowModel(MODEL),
    params,
    make(0),
    jax.random.key(key),
    times=LogitNormal(),
    drop_rate=drop_rate,
  )


def test_the_first_loss_is_the_size_of_the_velocity():
  # v = 0 at first: mean (ε - x_0)² of 192 numbers is about 1 + x_0².
  found = np.asarray(losses(first_model_params()))
  expected = 1 + np.square(make(0).pictures).mean(axis=(1, 2, 3))
  assert found.shape == (ROWS,)
  np.testing.assert_allclose(found, expected, rtol=0.5)


def test_hidden_captions_are_empty_ones():
  params = noisy(first_model_params())
  hidden = losses(params, drop_rate=1.0)
  assert not np.allclose(hidden, losses(params))
  batch = make(0)
  empty = batch_losses(
    FlowModel(MODEL),
    params,
    batch.replace(tokens=np.zeros_like(batch.tokens)),
    jax.random.key(0),
    times=LogitNormal(),
    drop_rate=0.0,
  )
  np.testing.assert_array_equal(hidden, empty)


@pytest.mark.slow  # The loop that it calls has such a test of its own.
def test_a_run_that_goes_on_is_the_run_that_was_not_cut(tmp_path):
  mesh = make_mesh(MeshConfig(), jax.devices()[:1])

  def run(steps, name):
    return train(
      FlowModel(MODEL),
      make,
      config=config(steps),
      directory=tmp_path / name,
      mesh=mesh,
    )

  whole = run(6, "whole")
  run(3, "cut")
  cut = run(6, "cut")
  jax.tree.map(np.testing.assert_array_equal, cut.params, whole.params)
  # It samples with the average, which is not the last step.
  average = used_params(whole)
  moved = [
    float(jnp.abs(a - b).max())
    for a, b in zip(jax.tree.leaves(average), jax.tree.leaves(whole.params))
  ]
  assert max(moved) > 0


def test_a_wrong_share_of_hidden_captions_is_named():
  with pytest.raises(ValueError, match="drop_rate \\(1\\)"):
    dataclasses.replace(FlowTrainingConfig(), drop_rate=1)
