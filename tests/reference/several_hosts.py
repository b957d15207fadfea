"""Several hosts as processes of this machine."""

import dataclasses
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence

ROOT = pathlib.Path(__file__).parents[2]
WATCHED = ROOT / "tests/reference/watched/configs/watched.py"


def environments(hosts: int) -> list[dict[str, str]]:
  """The variables of each of several hosts; none where there is but one."""
  if hosts == 1:
    return [dict(os.environ)]
  with socket.socket() as probe:
    probe.bind(("localhost", 0))
    port = probe.getsockname()[1]
  return [
    os.environ
    | {
      "JAX_COORDINATOR_ADDRESS": f"localhost:{port}",
      "JAX_NUM_PROCESSES": str(hosts),
      "JAX_PROCESS_ID": str(host),
    }
    for host in range(hosts)
  ]


@dataclasses.dataclass(frozen=True)
class Ended:
  """How a process ended.

  Attributes:
    code: its exit code, below zero for a signal; None = it did not end.
    seconds: the time to its end since the first line "fault".
    error: what it printed to stderr.
  """

  code: int | None
  seconds: float
  error: str

  @property
  def last(self) -> str:
    """The last line that is no bar of progress."""
    lines = [line.strip() for line in self.error.splitlines()]
    said = [x for x in lines if x and not x.startswith(("train:", "step "))]
    return said[-1]


def watched(
  folder: pathlib.Path,
  *flags: str,
  hosts: int,
  devices: int = 1,
  never_end: Sequence[int] = (),
  seconds: float = 300,
) -> list[Ended]:
  """Runs `tests/reference/watched` to the end of all its hosts.

  Args:
    folder: the workdir; what the hosts print is beside it.
    flags: those of the command line.
    hosts: their number.
    devices: the number of each.
    never_end: hosts that are killed when all others have ended.
    seconds: the most that it may take.
  """
  folder.mkdir(parents=True, exist_ok=True)
  logs = [folder.with_name(f"{folder.name}.{host}") for host in range(hosts)]
  running = []
  for environment, log in zip(environments(hosts), logs):
    with log.open("wb") as stderr:
      running.append(
        subprocess.Popen(
          [
            sys.executable, "-m", "gr_jax.main",
            f"--config={WATCHED}", f"--workdir={folder}", *flags,
          ],
          cwd=ROOT,
          env=environment | {"JAX_NUM_CPU_DEVICES": str(devices)},
          stdout=subprocess.DEVNULL,
          stderr=stderr,
        )
      )  # fmt: skip
  since, ends = time.monotonic(), dict.fromkeys(range(hosts), float("nan"))
  begun, faulty = since, None
  try:
    while any(
      one.poll() is None
      for host, one in enumerate(running)
      if host not in never_end
    ):
      now = time.monotonic()
      if faulty is None and any("fault\n" in log.read_text() for log in logs):
        faulty = begun = now
      for host, one in enumerate(running):
        if one.poll() is None:
          ends[host] = now
      assert now - since < seconds, [log.read_text()[-500:] for log in logs]
      time.sleep(0.05)
    codes = [one.poll() for one in running]
  finally:
    for one in running:
      one.kill()
      one.send_signal(signal.SIGCONT)
      one.wait()
  return [
    Ended(code, ends[host] - begun, logs[host].read_text())
    for host, code in enumerate(codes)
  ]


def fault(kind: str, *, host: int, step: int) -> list[str]:
  """The flags for a fault of one host at a step, of `watched`."""
  return [
    f"--config.fault.kind={kind}",
    f"--config.fault.host={host}",
    f"--config.fault.step={step}",
  ]
