"""Two real processes train as one, and save what one process can read."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from gr_jax.training.metric_writer import read_metrics
from gr_jax.training.stopping import read_outcome
from tests.reference import small_run
from tests.reference.several_hosts import environments

_PROGRAM = """
import json, pathlib, sys
from gr_jax.parallel import start
start.start()
import jax, numpy as np, optax
from flax import linen as nn
from gr_jax.data.batches import epochs
from gr_jax.parallel.hosts import own_copy, rows_by_all
from gr_jax.parallel.mesh import MeshConfig, make_mesh, put_batch
from gr_jax.training.checkpoints import load_params, save_params
from gr_jax.training.loop import LoopConfig, fit, make_step
from gr_jax.training.state import create_state

def loss(params, batch, key):
  error = ((params["w"] - batch[:, None]) ** 2).mean()
  return error, {"train/loss": error, "train/order": batch @ np.arange(4.0)}

devices = jax.device_count()
mesh, optimizer = make_mesh(MeshConfig(fsdp=devices)), optax.adam(0.1)
init = nn.with_logical_partitioning(jax.random.normal, ("embed",))
state = create_state(
  lambda key: {"w": init(key, (4,))}, optimizer, jax.random.key(0), mesh=mesh)
assert state.params["w"].addressable_shards[0].data.shape == (4 // devices,)
def write(rows, rng):
  return (rows + rng.random(4)).astype(np.float32)
batches = iter(epochs(write, 64, batch_size=4, seed=0))
fixed = put_batch(np.arange(4, dtype=np.float32) // 2, mesh)
measured = jax.jit(lambda params, batch: loss(params, batch, None)[0])
def held_out(state):
  # It rises from step 4 on, by what both hosts hold.
  return {"valid/loss": float(
    measured(state.params, fixed) + abs(state.step - 4) * 9)}
patience = int(sys.argv[3])
config = LoopConfig(steps=int(sys.argv[2]), log_every=2, checkpoint_every=2,
  eval_every=2, patience=patience)
directory = pathlib.Path(sys.argv[1])
state = fit(
  state, make_step(loss, optimizer, like=state), batches, mesh=mesh,
  config=config, directory=directory, held_out=held_out if patience else None)
save_params(directory, state.params)
params = own_copy(load_params(directory, state.params))
seen = []
def search(rows):
  # Of each row, and how many of them this host has.
  seen.append(len(rows))
  return rows * 10, np.full(len(rows), -np.inf, np.float32)
shared = rows_by_all(search, np.arange(7, dtype=np.int32))
print(json.dumps([jax.process_count(), np.asarray(params["w"]).tolist(),
  int(state.step), seen, [part.tolist() for part in shared]]))
"""


FEW = (
  "--config.data.max_households=30",
  "--config.tokenizer.vae.levels=(32,32)",
)


def outputs_of(processes):
  try:
    outputs = [process.communicate(timeout=900)[0] for process in processes]
  finally:
    # One host that fails leaves the other waiting for it.
    for process in processes:
      process.kill()
      process.wait()
  assert [process.returncode for process in processes] == [0] * len(outputs)
  return outputs


def launch(directory, steps, *, hosts, devices, patience=0):
  outputs = outputs_of(
    [
      subprocess.Popen(
        [
          sys.executable,
          "-c",
          _PROGRAM,
          str(directory),
          str(steps),
          str(patience),
        ],
        env=environment | {"JAX_NUM_CPU_DEVICES": str(devices)},
        stdout=subprocess.PIPE,
        text=True,
      )
      for environment in environments(hosts)
    ]
  )
  return [json.loads(output.splitlines()[-1]) for output in outputs]


def orders(directory):
  """What each step that was logged says of its rows and their places."""
  return [
    row["train/order"] for row in read_metrics(directory / "metrics.jsonl")
  ]


@pytest.mark.slow
def test_two_hosts_go_on_from_one_and_one_from_two_as_if_it_were_one(tmp_path):
  """Weights that are split over the hosts, and rows in their places."""
  one = launch(tmp_path / "one", 6, hosts=1, devices=2)[0]
  mixed = tmp_path / "mixed"
  two = launch(mixed, 2, hosts=2, devices=1)
  assert [count for count, *_ in two] == [2, 2]
  launch(mixed, 4, hosts=1, devices=1)
  for _, weights, _, rows, shared in launch(mixed, 6, hosts=2, devices=1):
    np.testing.assert_allclose(weights, one[1], rtol=1e-6)
    # Each has searched a half of the seven rows, and has them all.
    assert rows == [4]
    assert shared == one[4]
  assert one[3] == [7]
  assert orders(mixed) == pytest.approx(orders(tmp_path / "one"), rel=1e-6)


def test_two_hosts_stop_at_the_same_step_and_use_the_same(tmp_path):
  stopped = launch(tmp_path, 20, hosts=2, devices=1, patience=2)
  assert [step for _, _, step, *_ in stopped] == [4, 4]
  assert stopped[0][1] == stopped[1][1]
  found = read_outcome(tmp_path)
  assert (found.step, found.ended, found.steps) == (4, 8, 20)


def start_job(workdir, *more, hosts):
  return [
    small_run.start(
      "configs/cq_sid.py:tiny",
      workdir,
      *FEW,
      *more,
      environment=environment,
    )
    for environment in environments(hosts)
  ]


def losses_of(workdir):
  """Those of training and those that were held out, by step."""
  return {
    (row["step"], name): row[name]
    for row in read_metrics(workdir / "generator" / "metrics.jsonl")
    for name in ("train/loss", "valid/loss")
    if name in row
  }


@pytest.mark.slow
def test_a_job_that_two_hosts_began_is_ended_by_one(tmp_path):
  """On another mesh, as if one host had been alone."""
  alone, workdir = tmp_path / "alone", tmp_path / "begun"
  exact = "--config.generator.precision=float32"
  outputs_of(start_job(alone, exact, hosts=1))
  split = "--config.generator.mesh.fsdp=2"
  both = start_job(workdir, exact, split, hosts=2)
  saved = workdir / "generator" / "checkpoints" / "10"
  while not saved.is_dir() and all(host.poll() is None for host in both):
    time.sleep(0.01)
  for host in both:
    os.killpg(host.pid, signal.SIGKILL)
    host.communicate()
  assert saved.is_dir()
  assert not (workdir / "generator" / "manifest.json").exists()
  (output,) = outputs_of(start_job(workdir, exact, hosts=1))
  assert f"generator: goes on in {workdir / 'generator'}" in output
  begun, whole = losses_of(workdir), losses_of(alone)
  assert begun.keys() == whole.keys()
  for key, loss in whole.items():
    assert begun[key] == pytest.approx(loss, rel=1e-6), key


@pytest.mark.slow
def test_two_hosts_run_the_whole_job_and_go_on_where_it_was(tmp_path):
  for _ in range(2):
    first, other = outputs_of(start_job(tmp_path, hosts=2))
    # One of them tells; both have come to the end.
    assert first.count("report.html") == 1
    assert "report.html" not in other
    assert json.loads((tmp_path / "report.json").read_text())["results"]
  assert "generator: loaded" in first
  shared = json.loads((tmp_path / "report.json").read_text())
  shutil.rmtree(tmp_path / "evaluation")
  alone = small_run.start("configs/cq_sid.py:tiny", tmp_path, *FEW)
  outputs_of([alone])
  report = json.loads((tmp_path / "report.json").read_text())
  for part in ("results", "second_look", "beams", "hallucination"):
    assert shared[part] == report[part]
