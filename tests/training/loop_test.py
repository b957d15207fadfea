import dataclasses
import time

import chex
import grain
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from gr_jax.parallel import liveness, preemption
from gr_jax.parallel.mesh import MeshConfig, make_mesh, put_batch
from gr_jax.training.checkpoints import Checkpoints
from gr_jax.training.finite import NotFinite
from gr_jax.training.loop import LoopConfig, fit, make_step
from gr_jax.training.metric_writer import read_metrics
from gr_jax.training.state import create_state
from gr_jax.training.stopping import Outcome, read_outcome

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


def train(parts, directory, config=CONFIG, source=None, held_out=None):
  mesh, optimizer, step = parts
  return fit(
    initial(mesh, optimizer),
    step,
    source or batches(),
    config=config,
    directory=directory,
    mesh=mesh,
    held_out=held_out,
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


@pytest.mark.parametrize("after", [5, 8, 12])
def test_sigterm_saves_the_step_and_the_run_goes_on_from_it(
  parts, tmp_path, monkeypatch, after
):
  whole = train(parts, tmp_path / "whole")

  def noticed():
    loop = liveness.current()
    return loop is not None and loop.position.done >= after

  with monkeypatch.context() as patched:
    patched.setattr(preemption, "noticed", noticed)
    with pytest.raises(preemption.Preempted, match=f"after step {after} of"):
      train(parts, tmp_path / "cut")
  assert Checkpoints(tmp_path / "cut" / "checkpoints").latest == after
  read = Failing(batches(), 12 - after)
  resumed = train(parts, tmp_path / "cut", source=read)
  chex.assert_trees_all_equal(whole, resumed)
  rows = read_metrics(tmp_path / "cut" / "metrics.jsonl")
  assert [row["step"] for row in rows] == [2, 5, 8, 11]


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


# The held-out loss of step 2, 4, ...: the lowest is that of step 8.
CURVE = [9.0, 7.0, 8.0, 3.0, 4.0, 3.0, 5.0, 6.0, 1.0]
STOPPING = LoopConfig(
  steps=18, log_every=3, checkpoint_every=5, eval_every=2, patience=3
)


def curve(state):
  """Of the number of the step: a run that goes on measures the same."""
  return {"valid/loss": CURVE[int(state.step) // 2 - 1], "valid/loss_1": 1.0}


def test_training_stops_and_gives_the_step_of_the_lowest_held_out_loss(
  parts, tmp_path, capsys
):
  stopped = train(parts, tmp_path / "stopped", STOPPING, held_out=curve)
  at_eight = train(parts, tmp_path / "eight", LoopConfig(steps=8))
  chex.assert_trees_all_equal(stopped, at_eight)
  outcome = read_outcome(tmp_path / "stopped")
  assert outcome == Outcome(8, 14, 18, 3.0, 5.0, 3)
  assert outcome.sentence() in capsys.readouterr().err.splitlines()
  rows = read_metrics(tmp_path / "stopped" / "metrics.jsonl")
  measured = [
    (row["step"], row["valid/loss"]) for row in rows if "valid/loss_1" in row
  ]
  assert measured == [(2 * n + 1, CURVE[n]) for n in range(7)]


def test_without_patience_all_steps_are_done_and_the_best_is_used(
  parts, tmp_path
):
  config = dataclasses.replace(STOPPING, patience=0)
  state = train(parts, tmp_path, config, held_out=curve)
  assert int(state.step) == 18
  assert read_outcome(tmp_path) == Outcome(18, 18, 18, 1.0, 1.0, 0)


@pytest.mark.parametrize("after", [1, 7, 8, 9, 11, 13])
def test_a_run_that_goes_on_stops_at_the_same_step_and_uses_the_same(
  parts, tmp_path, after
):
  whole = train(parts, tmp_path / "whole", STOPPING, held_out=curve)
  source = Failing(batches(), after)
  with pytest.raises(Stopped):
    train(parts, tmp_path / "cut", STOPPING, source, held_out=curve)
  resumed = train(parts, tmp_path / "cut", STOPPING, held_out=curve)
  chex.assert_trees_all_equal(whole, resumed)
  outcomes = [read_outcome(tmp_path / name) for name in ("whole", "cut")]
  assert outcomes[0] == outcomes[1]
  rows = [
    [row["step"] for row in read_metrics(tmp_path / name / "metrics.jsonl")]
    for name in ("whole", "cut")
  ]
  assert rows[0] == rows[1]


def test_a_run_that_is_over_takes_no_step(parts, tmp_path):
  whole = train(parts, tmp_path, STOPPING, held_out=curve)
  (tmp_path / "outcome.json").unlink()
  source = Failing(batches(), 0)
  again = train(parts, tmp_path, STOPPING, source, held_out=curve)
  chex.assert_trees_all_equal(whole, again)
  assert read_outcome(tmp_path) == Outcome(8, 14, 18, 3.0, 5.0, 3)


def test_a_held_out_loss_that_is_not_finite_ends_training(parts, tmp_path):
  def spoilt_curve(state):
    return {"valid/loss": float("nan") if int(state.step) > 2 else 1.0}

  with pytest.raises(NotFinite, match="at step 4: the held-out loss is nan"):
    train(parts, tmp_path, STOPPING, held_out=spoilt_curve)
  checkpoints = Checkpoints(tmp_path / "checkpoints")
  assert checkpoints.latest == 2
  checkpoints.close()


def test_the_time_of_an_evaluation_is_no_part_of_the_speed(parts, tmp_path):
  mesh, optimizer, step = parts

  def slow(state):
    time.sleep(0.5)
    return curve(state)

  fit(
    initial(mesh, optimizer),
    step,
    batches(),
    config=dataclasses.replace(STOPPING, log_every=1),
    directory=tmp_path,
    mesh=mesh,
    speed=lambda seconds: {"train/seconds": seconds},
    held_out=slow,
  )
  rows = read_metrics(tmp_path / "metrics.jsonl")
  seconds = [row["train/seconds"] for row in rows if "train/seconds" in row]
  assert len(seconds) > 3
  assert max(seconds[2:]) < 0.45
