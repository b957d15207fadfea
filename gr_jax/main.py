"""Runs the experiment that a config names.

  python -m gr_jax.main --config=configs/cq_sid.py:tiny --workdir=/tmp/run

A config is a file with `get_config(preset)`; any of its values can be changed
on the command line: `--config.train.steps=100`.
"""

import importlib
import os
import pathlib
import sys

from absl import app, flags, logging
from ml_collections import config_flags

_CONFIG = config_flags.DEFINE_config_file(
  "config", None, "FILE or FILE:PRESET, e.g. configs/cq_sid.py:tiny."
)
_WORKDIR = flags.DEFINE_string(
  "workdir", None, "Where artefacts and the report go [runs/NAME-PRESET]."
)
_TRACEBACK = flags.DEFINE_bool(
  "traceback", False, "Show where an error came from, not only what it is."
)


def default_workdir() -> str:
  """`runs/cq_sid-tiny` for `--config=configs/cq_sid.py:tiny`."""
  path, _, preset = flags.FLAGS["config"].config_filename.partition(":")
  return os.path.join(
    "runs", f"{pathlib.Path(path).stem}-{preset or 'default'}"
  )


def run() -> None:
  """Imports the experiment beside the config's folder and runs it."""
  # Before JAX starts: its CPU client allocates at once.
  from gr_jax.parallel import start

  start.start()
  config_file = flags.FLAGS["config"].config_filename.partition(":")[0]
  sys.path.insert(0, str(pathlib.Path(config_file).absolute().parent.parent))
  experiment = importlib.import_module(
    f"experiments.{_CONFIG.value.experiment}"
  )
  workdir = pathlib.Path(_WORKDIR.value or default_workdir()).absolute()
  experiment.run(_CONFIG.value, workdir)


def main(argv: list[str]) -> None:
  if len(argv) > 1:
    sys.exit(f"error: unknown argument {argv[1]!r}; flags start with --.")
  logging.set_verbosity(logging.WARNING)
  try:
    run()
  except (ValueError, OSError, ImportError) as error:
    if _TRACEBACK.value:
      raise
    sys.exit(f"error: {error}")


def parse_flags(argv: list[str]) -> list[str]:
  """absl's parser, with one line where it would print a trace."""
  try:
    rest = app.parse_flags_with_usage(argv)
  except (ValueError, OSError, ImportError, AttributeError, KeyError) as error:
    sys.exit(f"error: {str(error).strip()}")
  if _CONFIG.value is None:
    sys.exit("error: --config is missing, e.g. --config=configs/cq_sid.py.")
  return rest


def cli() -> None:
  app.run(main, flags_parser=parse_flags)


if __name__ == "__main__":
  cli()
