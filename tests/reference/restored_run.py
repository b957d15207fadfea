"""Runs of the real loops, in processes of their own and on any mesh.

  python -m tests.reference.restored_run '[{"directory": "/tmp/run", ...}]'

Each of several processes gets the same list and makes its runs in turn. The
losses are in the folder of a run; what is printed last are the sums of the
parameters, in the order of the runs.
"""

import contextlib
import dataclasses
import functools
import json
import os
import pathlib
import socket
import subprocess
import sys
import zlib

import numpy as np

STEPS, SAVED = 10, 5
"""Updates of a run, and those after which it leaves its first checkpoint."""


@dataclasses.dataclass(frozen=True)
class Run:
  """One run.

  Attributes:
    directory: what `fit` gets; a checkpoint in it is gone on from.
    mesh: the sizes of the axes.
    devices: the places of its devices in `jax.devices()`; none = all.
    inside: whether it is inside `jax.set_mesh`.
    aligns: the alignment loop in place of the training loop.
    params: a folder whose parameters are read and summed up; "" = the run's.
  """

  directory: str
  mesh: dict[str, int] = dataclasses.field(default_factory=dict)
  devices: tuple[int, ...] = ()
  inside: bool = True
  aligns: bool = False
  params: str = ""


def launch(runs: list[Run], *, hosts: int, devices: int) -> list[list[int]]:
  """The sums of the parameters of all runs, as each host has them."""
  jobs = json.dumps([dataclasses.asdict(run) for run in runs])
  with socket.socket() as probe:
    probe.bind(("localhost", 0))
    port = probe.getsockname()[1]
  shared = {"JAX_NUM_CPU_DEVICES": str(devices)}
  if hosts > 1:
    shared |= {
      "JAX_COORDINATOR_ADDRESS": f"localhost:{port}",
      "JAX_NUM_PROCESSES": str(hosts),
    }
  processes = [
    subprocess.Popen(
      [sys.executable, "-m", "tests.reference.restored_run", jobs],
      env={**os.environ, **shared, "JAX_PROCESS_ID": str(host)},
      stdout=subprocess.PIPE,
      text=True,
    )
    for host in range(hosts)
  ]
  try:
    outputs = [process.communicate(timeout=3000)[0] for process in processes]
  finally:
    # One host that fails leaves the others waiting for it.
    for process in processes:
      process.kill()
  assert [process.returncode for process in processes] == [0] * hosts
  return [json.loads(output.splitlines()[-1]) for output in outputs]


def _train(run: Run, mesh):
  import jax

  from experiments.pipeline.tasks import task_of
  from gr_jax.generators import placement
  from gr_jax.training.loop import LoopConfig, fit, make_step
  from gr_jax.training.optimizer import OptimizerConfig, make_optimizer
  from gr_jax.training.state import create_state
  from tests.reference.sharded import parts

  given = parts()
  task, counts = task_of(given.section)(given), given.counts()
  optimizer = make_optimizer(OptimizerConfig(), STEPS)
  state = create_state(
    given.initializer(counts), optimizer, jax.random.key(0), mesh=mesh
  )
  loss = functools.partial(task.loss, given.model)
  step = make_step(loss, optimizer, like=state)
  counts = placement.place_counts(counts, mesh)
  return fit(
    state,
    lambda state, batch: step(state, batch, counts),
    iter(task.batches),
    config=LoopConfig(steps=STEPS, log_every=1, checkpoint_every=SAVED),
    directory=pathlib.Path(run.directory),
    mesh=mesh,
  )


def _align(run: Run, mesh):
  import jax

  from gr_jax.data.requests import TRAIN
  from gr_jax.rl import loop, prompts
  from gr_jax.rl.policies import reward_samples
  from tests.reference import sharded
  from tests.reference.small_world import semantic_ids, shop

  rollout, updates, state, context, _ = sharded.alignment(mesh, ["grpo"])
  batches = prompts.prompt_batches(
    shop().requests,
    prompts.clicked_requests(shop().requests, split=TRAIN),
    sharded.parts().writer,
    semantic_ids(),
    config=prompts.PromptBatchConfig(batch_size=sharded.B, positives=1),
  )
  steps = loop.AlignmentSteps(
    rollout=rollout,
    reward=reward_samples(_reward, mesh),
    update=updates["grpo"],
    validate=lambda params: {},
    keeps_old=lambda step: step % 2 == 1,
  )
  return loop.fit(
    state,
    context,
    iter(batches),
    steps,
    config=loop.AlignmentLoopConfig(
      steps=STEPS, log_every=1, eval_every=STEPS, checkpoint_every=SAVED
    ),
    key=jax.random.key(1),
    directory=pathlib.Path(run.directory),
    mesh=mesh,
  )


def _reward(requests: np.ndarray, ids: np.ndarray) -> np.ndarray:
  """Differs from request to request: rows that change places are seen."""
  return (requests[:, None] * 7 + ids * 13) % 11 / 11


def _sum(params) -> int:
  import jax

  from gr_jax.parallel import hosts

  total = 0
  for leaf in jax.tree.leaves(hosts.own_copy(params)):
    total = zlib.crc32(np.ascontiguousarray(leaf), total)
  return total


def _run(run: Run) -> int:
  import jax

  from gr_jax.parallel.mesh import MeshConfig, make_mesh
  from gr_jax.training.checkpoints import load_params, save_params

  devices = [jax.devices()[place] for place in run.devices] or None
  mesh = make_mesh(MeshConfig(**run.mesh), devices)
  with jax.set_mesh(mesh) if run.inside else contextlib.nullcontext():
    params = (_align if run.aligns else _train)(run, mesh).params
    if run.params:
      found = load_params(pathlib.Path(run.params), params)
      places = jax.tree.map(lambda x: x.sharding, (found, params))
      assert places[0] == places[1]
      params = found
    else:
      save_params(pathlib.Path(run.directory), params)
    return _sum(params)


if __name__ == "__main__":
  from gr_jax.parallel import start

  start.start()
  found = [_run(Run(**run)) for run in json.loads(sys.argv[1])]
  print(json.dumps(found))
