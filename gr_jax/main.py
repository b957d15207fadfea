"""Runs the experiment that a config names.

  python -m gr_jax.main --config=configs/cq_sid.py:tiny --workdir=/tmp/run

A config is a file with `get_config(preset)`; any of its values can be changed
on the command line: `--config.generator.loop.steps=100`. What can go wrong on
the way is told in one line, and the exit code is 1.
"""

import errno
import importlib
import pathlib
import re
import sys

try:
  from absl import app, flags, logging
  from ml_collections import config_flags
except ModuleNotFoundError as error:
  sys.exit(f"error: {error}; run `pip install .` first.")

_CONFIG = config_flags.DEFINE_config_file(
  "config", None, "FILE or FILE:PRESET, e.g. configs/cq_sid.py:tiny."
)
_WORKDIR = flags.DEFINE_string(
  "workdir", None, "Where artefacts and the report go [runs/NAME-PRESET]."
)
_TRACEBACK = flags.DEFINE_bool(
  "traceback", False, "Show where an error came from, not only what it is."
)

# What users and machines cause; anything else is a bug and shows its trace.
_EXPECTED = (ValueError, OSError, ImportError, RuntimeError)


def default_workdir(config: str) -> pathlib.Path:
  """`runs/cq_sid-tiny` for `configs/cq_sid.py:tiny`."""
  path, _, preset = config.partition(":")
  return pathlib.Path(
    "runs", f"{pathlib.Path(path).stem}-{preset or 'default'}"
  )


def one_line(error: BaseException) -> str:
  """What happened, and not how the program found out."""
  missing = isinstance(error, ModuleNotFoundError)
  if missing and not str(error.name).startswith("experiments"):
    return f"{error}; run `pip install .` first."
  if isinstance(error, OSError) and error.errno:
    where = f": {error.filename}" if error.filename else ""
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    hint = "; free some, then the same command goes on" if full else ""
    return f"{error.strerror}{where}{hint}."
  lines = [line.strip() for line in str(error).splitlines() if line.strip()]
  if not lines:
    return type(error).__name__
  # The config's own error is the last line of the trace that the flag quotes.
  if any(line.startswith("Traceback") for line in lines):
    return lines[-1].removeprefix("ValueError: ")
  return " ".join(lines)


def config_of(argv: list[str]) -> str:
  """The value of --config, checked before anything reads the file."""
  value = None
  for flag, following in zip(argv, [*argv[1:], None]):
    name, equals, text = flag.lstrip("-").partition("=")
    if flag.startswith("-") and name == "config":
      value = text if equals else following
  if not value:
    raise ValueError("--config is missing, e.g. --config=configs/cq_sid.py.")
  path = pathlib.Path(value.partition(":")[0])
  if not is_config(path):
    there = sorted(map(str, filter(is_config, path.parent.glob("*.py"))))
    there = f"; beside it are {', '.join(there)}" if there else ""
    raise ValueError(f"{path} is no config file with get_config(){there}.")
  return value


def is_config(path: pathlib.Path) -> bool:
  return (
    path.suffix == ".py"
    and path.is_file()
    and "def get_config" in path.read_text()
  )


def unknown_key(error: KeyError | AttributeError, argv: list[str]) -> str:
  """Names the override that the config has no place for."""
  key = re.search(r"\w+", str(error))[0]
  near = re.search(r'Did you mean "(\w+)"', str(error))
  for flag in argv:
    name = flag.lstrip("-").partition("=")[0]
    if name.startswith("config.") and key in name.split("."):
      hint = f"; did you mean {near[1]!r}?" if near else "."
      return f"--{name}: the config has no {key!r}{hint}"
  return one_line(error)


def parse_flags(argv: list[str]) -> list[str]:
  """absl's parser, with one line where it would print a trace."""
  if {"--help", "-help", "-h"} & set(argv):
    app.usage(shorthelp=True, writeto_stdout=True)
    sys.exit(0)
  try:
    path = pathlib.Path(config_of(argv).partition(":")[0]).absolute()
    # Configs import each other, and name the experiments beside them.
    sys.path.insert(0, str(path.parent.parent))
    rest = flags.FLAGS(argv)
  except (KeyError, AttributeError) as error:
    sys.exit(f"error: {unknown_key(error, argv)}")
  except (flags.Error, SyntaxError, *_EXPECTED) as error:
    sys.exit(f"error: {one_line(error)}")
  if len(rest) > 1:
    sys.exit(f"error: unknown argument {rest[1]!r}; flags start with --.")
  return rest


def run() -> None:
  """Imports the experiment that the config names and runs it."""
  # Before JAX starts: its CPU client allocates at once.
  from gr_jax.parallel import start

  start.start()
  experiment = importlib.import_module(
    f"experiments.{_CONFIG.value.experiment}"
  )
  named = flags.FLAGS["config"].config_filename
  workdir = pathlib.Path(_WORKDIR.value or default_workdir(named)).absolute()
  experiment.run(_CONFIG.value, workdir)


def main(argv: list[str]) -> None:
  del argv
  logging.set_verbosity(logging.WARNING)
  try:
    run()
  except KeyboardInterrupt:
    sys.exit("error: interrupted; the same command goes on from here.")
  except _EXPECTED as error:
    if _TRACEBACK.value:
      raise
    sys.exit(f"error: {one_line(error)}")


def cli() -> None:
  app.run(main, flags_parser=parse_flags)


if __name__ == "__main__":
  cli()
