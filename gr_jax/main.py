"""Runs a recipe: the experiment that a config names.

  python -m gr_jax.main --config=cq_sid:tiny --workdir=/tmp/run
  python -m gr_jax.main --config=configs/cq_sid.py:tiny

A config is a file with `get_config(preset)`, or the name of one that comes with
the library; any of its values can be changed on the command line:
`--config.generator.loop.steps=100`. An error is one line, and the exit code 1.
After SIGTERM it is 75: the same command goes on from where it was.
"""

import signal
import sys
from collections.abc import Iterator, Mapping

try:
  from absl import app, flags, logging
  from ml_collections import config_flags
except ModuleNotFoundError as error:
  sys.exit(f"error: {error}; run `pip install .` first.")

from gr_jax import command_line, recipes
from gr_jax.parallel import preemption
from gr_jax.recipes import keys

_CONFIG = config_flags.DEFINE_config_file(
  "config", None, "NAME or FILE, with :PRESET, e.g. cq_sid:tiny."
)
_WORKDIR = flags.DEFINE_string(
  "workdir", None, "Where artefacts and the report go [runs/NAME-PRESET]."
)
_TRACEBACK = flags.DEFINE_bool(
  "traceback", False, "Show where an error came from, not only what it is."
)


def parse_flags(argv: list[str]) -> list[str]:
  """Parses as absl does, with one line where it would print a trace."""
  if {"--help", "-help", "-h"} & set(argv):
    # `--help | head` closes the pipe early, which is no error.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    print(_help())
    sys.exit(0)
  try:
    rest = flags.FLAGS(recipes.with_config_file(argv))
  except (KeyError, AttributeError) as error:
    sys.exit(f"error: {keys.unknown_key(error, argv)}")
  except (flags.Error, SyntaxError, *command_line.EXPECTED) as error:
    sys.exit(f"error: {command_line.one_line(error)}")
  if len(rest) > 1:
    sys.exit(f"error: unknown argument {rest[1]!r}; flags start with --.")
  return rest


def _help() -> str:
  """The docstring, the flags, and the recipes that can be named."""
  holders = (_CONFIG, _WORKDIR, _TRACEBACK)
  shown = {f"--{one.name}": flags.FLAGS[one.name].help for one in holders}
  return "\n".join(
    [
      str(__doc__),
      "Flags:",
      *_columns(shown),
      "\nRecipes; all have the presets default (write nothing) and tiny, those "
      "of papers have paper:",
      *_columns(recipes.names()),
    ]
  )


def _columns(texts: Mapping[str, str | None]) -> Iterator[str]:
  width = 2 + max(map(len, texts), default=0)
  for name, text in texts.items():
    yield f"  {name:{width}}{text}"


def run() -> None:
  named = config_flags.get_config_filename(flags.FLAGS["config"])
  workdir = _WORKDIR.value or recipes.default_workdir(named)
  recipes.run(_CONFIG.value, workdir=workdir)


def main(argv: list[str]) -> int:
  del argv
  # Orbax logs what it raises as well, a trace for each of its threads.
  logging.set_verbosity(logging.WARNING if _TRACEBACK.value else logging.FATAL)
  # It imports JAX, which `--help` does without.
  from gr_jax.parallel import watched

  with preemption.handled():
    try:
      code = _exit_code()
    except BaseException:
      watched.leave(1)
      raise
    watched.leave(code)
  return code


def _exit_code() -> int:
  try:
    if _TRACEBACK.value:
      run()
      return 0
    return command_line.exit_code(
      run, interrupted="interrupted; the same command goes on from here."
    )
  except preemption.Preempted as stop:
    return preemption.say(stop)


def cli() -> None:
  app.run(main, flags_parser=parse_flags)


if __name__ == "__main__":
  cli()
