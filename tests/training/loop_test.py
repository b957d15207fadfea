import dataclasses

import chex
import grain
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from gr_jax.parallel.mesh import MeshConfig, make_mesh, put_batch
from gr_jax.training.checkpoints import Checkpoints
from gr_jax.training.finite import NotFinite
from gr_jax.training.loop import LoopConfig, fit, make_step
from gr_jax.training.metric_writer import read_metrics
from gr_jax.training.state import create_state

CONFIG = LoopConfig(steps=12, log_every=3, checkpoint_every=4)


def loss(params, batch, key):
  del key
  error = ((params["w"] - batch) ** 2).mean()
  return error, {"train/loss": error}


def batches():
  data = grain.MapDataset.range(1000).seed(1).shuffle().repeat()
  return iter(
    data.map(lambda i: np.full(8, i % 7, np.float32)).to_iter_dataset()
  )


@pytest.fixture(scope="module")
def parts():
  mesh, optimizer = make_mesh(MeshConfig()), optax.adam(0.1)
  like = initial(mesh, optimizer)
  return mesh, optimizer, make_step(loss, optimizer, like=like)


def initial(mesh, optimizer):
  return create_state(
    lambda key: {"w": jax.random.normal(key, (8,))},
    optimizer,
    jax.random.key(0),
    mesh=mesh,
  )


def train(parts, directory, config=CONFIG, source=None):
  mesh, optimizer, step = parts
  return fit(
    initial(mesh, optimizer),
    step,
    source or batches(),
    config=config,
    directory=directory,
    mesh=mesh,
  )


class Stopped(Exception):
  pass


class Failing:
  """A grain iterator that fails after some batches."""

  def __init__(self, source, after):
    self._source, self._left = source, after

  def __next__(self):
    if not self._left:
      raise Stopped
    self._left -= 1
    return next(self._source)

  def __getattr__(self, name):
    return getattr(self._source, name)


def test_training_lowers_the_loss(parts, tmp_path):
  train(parts, tmp_path, dataclasses.replace(CONFIG, steps=60))
  rows = read_metrics(tmp_path / "metrics.jsonl")
  assert rows[-1]["train/loss"] < rows[0]["train/loss"]


def noisy_loss(params, batch, key):
  """A loss with draws of its own, as diffusion has."""
  draw = jax.random.normal(key)
  error = ((params["w"] - batch - draw) ** 2).mean()
  return error, {"train/loss": error, "train/draw": draw}


def test_each_step_has_a_key_of_its_own_that_a_resumed_run_has_again(
  parts, tmp_path
):
  mesh, optimizer, _ = parts
  like, config = initial(mesh, optimizer), LoopConfig(8, 1, 4)

  def draws(directory, steps, seed=0):
    step = make_step(noisy_loss, optimizer, like=like, seed=seed)
    parts = mesh, optimizer, step
    state = train(parts, directory, dataclasses.replace(config, steps=steps))
    rows = read_metrics(directory / "metrics.jsonl")
    return state, [row["train/draw"] for row in rows]

  whole, seen = draws(tmp_path / "whole", 8)
  draws(tmp_path / "cut", 4)
  resumed, again = draws(tmp_path / "cut", 8)
  chex.assert_trees_all_equal(whole, resumed)
  assert seen == again
  assert len(set(seen)) == 8
  assert draws(tmp_path / "other", 1, seed=1)[1][0] != seen[0]


@pytest.mark.parametrize("after", [5, 8, 11])
def test_a_run_that_was_cut_off_ends_bit_for_bit_the_same(
  parts, tmp_path, after
):
  whole = train(parts, tmp_path / "whole")
  saved = dataclasses.replace(CONFIG, steps=after - after % 4)
  train(parts, tmp_path / "cut", saved)
  with pytest.raises(Stopped):
    train(parts, tmp_path / "cut", source=Failing(batches(), after % 4))
  resumed = train(parts, tmp_path / "cut")
  chex.assert_trees_all_equal(whole, resumed)


def test_metrics_have_one_row_per_interval(parts, tmp_path):
  train(parts, tmp_path)
  rows = read_metrics(tmp_path / "metrics.jsonl")
  assert [row["step"] for row in rows] == [2, 5, 8, 11]
  assert set(rows[0]) >= {"train/loss", "train/grad_norm"}


def test_the_step_compiles_once_and_gives_up_its_state(parts):
  mesh, optimizer, _ = parts
  chex.clear_trace_counter()
  state = initial(mesh, optimizer)
  counted = chex.assert_max_traces(loss, n=1)
  step = make_step(counted, optimizer, like=state)
  first = state.params["w"]
  for value in range(4):
    state, _ = step(state, put_batch(np.full(8, value, np.float32), mesh))
  assert first.is_deleted()


def test_arrays_stay_where_they_were(parts):
  mesh, optimizer, step = parts
  state = initial(mesh, optimizer)
  before = jax.tree.map(lambda x: x.sharding, state)
  state, _ = step(state, put_batch(np.zeros(8, np.float32), mesh))
  assert before == jax.tree.map(lambda x: x.sharding, state)


def spoilt(where, at):
  """A loss whose value, gradient or update is not finite at batch `at`."""

  def function(params, batch, key):
    del key
    w = params["w"]
    error = ((w - batch % 7) ** 2).mean()
    bad = (batch == at).all()
    if where == "loss":
      error = jnp.where(bad, jnp.nan, error)
    elif where == "gradient":
      # Its value is 0 and its slope infinite.
      error += jnp.sqrt(jnp.where(bad, jnp.abs(0 * w).sum(), 1.0))
    elif where == "update":
      error *= jnp.where(bad, 1e17, 1.0)
    return error, {"train/loss": error}

  return function


# The batch with this number comes in step 7: the last checkpoint is of step 4.
NUMBERED = [3, 1, 4, 15, 9, 2, 6, 5, 35, 8, 97, 93]


def numbered():
  data = grain.MapDataset.source(NUMBERED)
  return iter(data.map(lambda i: np.full(8, i, np.float32)).to_iter_dataset())


@pytest.mark.parametrize(
  ("where", "sentence"),
  [
    ("loss", "train/loss is nan"),
    ("gradient", "the gradient norm of w is not finite"),
    ("update", "the parameter w is not finite"),
  ],
)
def test_a_step_that_is_not_finite_ends_training_at_once(
  parts, tmp_path, where, sentence
):
  mesh = parts[0]
  optimizer = optax.adam(0.1)
  if where == "update":
    # Infinite of finite gradients.
    optimizer = optax.stateless(
      lambda grads, _: jax.tree.map(
        lambda g: jnp.where(jnp.abs(g) > 1e15, g * 1e30, -0.1 * g), grads
      )
    )
  step = make_step(spoilt(where, 6), optimizer, like=initial(mesh, optimizer))
  seen = []

  class Counting:
    def __init__(self):
      self._source = numbered()

    def __next__(self):
      seen.append(None)
      return next(self._source)

    def __getattr__(self, name):
      return getattr(self._source, name)

  with pytest.raises(NotFinite) as error:
    train((mesh, optimizer, step), tmp_path, source=Counting())
  message = str(error.value)
  assert message.startswith(f"training stopped at step 7: {sentence}; ")
  assert "the checkpoint of step 4 is kept. Lower the learning" in message
  assert "\n" not in message
  assert len(seen) == 8  # One step was under way already.
  rows = read_metrics(tmp_path / "metrics.jsonl")
  assert [row["step"] for row in rows] == [2, 5]
  checkpoints = Checkpoints(tmp_path / "checkpoints")
  assert checkpoints.latest == 4
  kept = checkpoints.restore(4, initial(mesh, optimizer))
  chex.assert_tree_all_finite(kept)
  checkpoints.close()


def test_a_step_of_a_checkpoint_is_checked_before_it_is_kept(parts, tmp_path):
  mesh, optimizer, _ = parts
  step = make_step(spoilt("loss", 5), optimizer, like=initial(mesh, optimizer))
  for _ in range(2):  # What goes on from the last good one stops there again.
    with pytest.raises(NotFinite, match="at step 8: train/loss is nan"):
      train((mesh, optimizer, step), tmp_path, source=numbered())
    checkpoints = Checkpoints(tmp_path / "checkpoints")
    assert checkpoints.latest == 4
    checkpoints.close()
