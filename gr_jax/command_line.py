"""Command lines of this library: one form of flags, one line for an error.

def main(arguments: list[str] | None = None) -> int:
  return command_line.run(_parser(), _work, arguments)
"""

import argparse
import errno
import sys
import time
from collections.abc import Callable
from typing import NoReturn

# What users and machines cause; anything else is a bug and shows its trace.
EXPECTED = (ValueError, OSError, ImportError, RuntimeError)


def parser(command: str, description: str | None) -> argparse.ArgumentParser:
  """A parser whose errors are `ValueError`s, for `run` to print.

  Args:
    command: the program as it is typed, e.g. "python tools/benchmark.py".
    description: the text above the flags, printed as it is written.
  """
  result = argparse.ArgumentParser(
    prog=command,
    description=description,
    formatter_class=argparse.RawDescriptionHelpFormatter,
    allow_abbrev=False,
  )
  result.error = _fail  # type: ignore[method-assign]
  return result


def _fail(message: str) -> NoReturn:
  raise ValueError(f"{message}; see --help.")


def run(
  flags: argparse.ArgumentParser,
  work: Callable[[argparse.Namespace], int | None],
  arguments: list[str] | None = None,
  *,
  interrupted: str = "interrupted; nothing is written.",
) -> int:
  """Parses the arguments, does the work and returns the exit code."""
  return exit_code(
    lambda: work(flags.parse_args(arguments)), interrupted=interrupted
  )


def exit_code(work: Callable[[], int | None], *, interrupted: str) -> int:
  """Does the work; prints an expected error as one line.

  Args:
    work: a function that may return an exit code of its own.
    interrupted: the message after Ctrl-C, with exit code 130.
  """
  try:
    return work() or 0
  except KeyboardInterrupt:
    print(f"error: {interrupted}", file=sys.stderr)
    return 130
  except EXPECTED as error:
    print(f"error: {one_line(error)}", file=sys.stderr)
    return 1


def one_line(error: BaseException) -> str:
  """The message of an error, without how the program found out."""
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


def progress_printer() -> Callable[[str], None]:
  """A function that prints a line with the seconds since now before it."""
  start = time.monotonic()

  def progress(line: str) -> None:
    print(f"[{time.monotonic() - start:5.1f} s] {line}", file=sys.stderr)

  return progress
