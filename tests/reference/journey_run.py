"""A tiny run on the built-in purchases, one for all of pytest's processes."""

import pathlib

from tests.reference import small_run
from tests.reference.alone import alone

CONFIG = "configs/cq_sid.py:tiny"
FEW = (
  "--config.data.max_households=30",
  "--config.tokenizer.vae.levels=(32,32)",
)


def make(workdir: pathlib.Path) -> pathlib.Path:
  """The folder of the run, which is done unless it is; safe to race."""
  workdir.mkdir(parents=True, exist_ok=True)
  with alone(workdir / "lock"):
    if not (workdir / "run" / "report.html").exists():
      finish(workdir / "run")
  return workdir / "run"


def finish(workdir: pathlib.Path) -> str:
  """Runs what has not run yet; returns what it prints."""
  run = small_run.start(CONFIG, workdir, *FEW)
  output, _ = run.communicate()
  assert run.returncode == 0, output
  return output
