"""Runs of the real loops, in processes of their own and on any mesh.

  python -m tests.reference.restored_run '[{"directory": "/tmp/run", ...}]'

Each of several processes gets the same list and makes its runs in turn. The
losses are in the folder of a run; what is printed last are the sums of the
parameters, in the order of the runs.
"""

import dataclasses
import json
import subprocess
import sys

from tests.reference.several_hosts import environments

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
  processes = [
    subprocess.Popen(
      [sys.executable, "-m", "tests.reference.restored_run", jobs],
      env=each | {"JAX_NUM_CPU_DEVICES": str(devices)},
      stdout=subprocess.PIPE,
      text=True,
    )
    for each in environments(hosts)
  ]
  try:
    outputs = [process.communicate(timeout=3000)[0] for process in processes]
  finally:
    # One host that fails leaves the others waiting for it.
    for process in processes:
      process.kill()
  assert [process.returncode for process in processes] == [0] * hosts
  return [json.loads(output.splitlines()[-1]) for output in outputs]


if __name__ == "__main__":
  from gr_jax.parallel import start

  start.start()
  # Some of its modules make arrays: the hosts are joined before.
  from tests.reference import restored_loops

  wanted = [Run(**run) for run in json.loads(sys.argv[1])]
  print(json.dumps([restored_loops.make(run) for run in wanted]))
