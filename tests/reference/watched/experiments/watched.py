"""Least squares on every host's rows, with a fault at a step of one host."""

import json
import os
import signal
import sys
import time

import grain
import jax
import numpy as np
import optax

from gr_jax.artefacts import build_resumable
from gr_jax.parallel.mesh import MeshConfig, make_mesh
from gr_jax.training.loop import LoopConfig, fit, make_step
from gr_jax.training.state import create_state

ROWS = 8
SAVED = "result.json"


def run(config, workdir):
  def make(directory):
    _train(config, directory)

  section = {"steps": config.steps}
  build_resumable(workdir, "training", section, [], make)
  return {}


def _train(config, directory):
  mesh, optimizer = make_mesh(MeshConfig()), optax.adam(0.1)
  state = create_state(
    lambda key: {"w": jax.random.normal(key, (4,))}, optimizer,
    jax.random.key(0), mesh=mesh,
  )  # fmt: skip

  def loss(params, batch, key):
    del key
    error = ((params["w"] - batch[:, None]) ** 2).mean()
    return error, {"train/loss": error}

  loop = LoopConfig(steps=config.steps, log_every=1, checkpoint_every=5)
  step = make_step(loss, optimizer, like=state)
  trained = fit(
    state, step, _Batches(config), config=loop, directory=directory, mesh=mesh
  )
  if jax.process_index() == 0:
    weights = np.asarray(trained.params["w"]).tolist()
    (directory / SAVED).write_text(json.dumps(weights))


class _Batches(grain.DatasetIterator):
  """Whole batches on every host; the fault comes before one, 0 = before all."""

  def __init__(self, config):
    super().__init__()
    data = grain.MapDataset.range(64).repeat(100).batch(ROWS)
    data = data.map(lambda x: x.astype(np.float32) / 32)
    self._rows = iter(data.to_iter_dataset())
    self._fault, self._pause = config.fault, config.step_seconds
    self._step = 0
    self._fail_at(0)

  def __next__(self):
    self._step += 1
    time.sleep(self._pause)
    if jax.process_index() == 0:
      print(f"step {self._step}", file=sys.stderr, flush=True)
    self._fail_at(self._step)
    return next(self._rows)

  def _fail_at(self, step):
    fault = self._fault
    if (fault.host, fault.step) == (jax.process_index(), step):
      print("fault", file=sys.stderr, flush=True)
      _FAULTS[fault.kind]()

  def get_state(self):
    return {"rows": self._rows.get_state(), "step": self._step}

  def set_state(self, state):
    self._rows.set_state(state["rows"])
    self._step = state["step"]


def _kill(number):
  return lambda: os.kill(os.getpid(), number)


def _raise():
  raise ValueError("this row is no number")


_FAULTS = {
  "none": lambda: None,
  "killed": _kill(signal.SIGKILL),
  "stopped": _kill(signal.SIGSTOP),
  "terminated": _kill(signal.SIGTERM),
  "sleeps": lambda: time.sleep(600),
  "raises": _raise,
}
