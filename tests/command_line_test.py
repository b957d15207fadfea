import argparse
import errno

import pytest

from gr_jax import command_line


def parser() -> argparse.ArgumentParser:
  found = command_line.parser("python tools/example.py", "Example:\n\n  typed")
  found.add_argument("--size", type=int, required=True)
  found.add_argument("--kind", choices=("a", "b"))
  return found


@pytest.mark.parametrize(
  ("error", "line"),
  [
    (ValueError("a\n  b"), "a b"),
    (ValueError(), "ValueError"),
    (
      ModuleNotFoundError("No module named 'x'", name="x"),
      "No module named 'x'; run `pip install .` first.",
    ),
    (
      ModuleNotFoundError(
        "No module named 'experiments.x'", name="experiments.x"
      ),
      "No module named 'experiments.x'",
    ),
    (
      OSError(errno.ENOSPC, "disk full", "a.npy"),
      "disk full: a.npy; free some, then the same command goes on.",
    ),
    (FileNotFoundError("No file x."), "No file x."),
    (PermissionError(errno.EACCES, "denied", "/x"), "denied: /x."),
    (
      RuntimeError(
        "Traceback (most recent call last):\n  f()\nValueError: why"
      ),
      "why",
    ),
  ],
)
def test_errors_become_one_line(error, line):
  assert command_line.one_line(error) == line


@pytest.mark.parametrize(
  ("arguments", "message"),
  [
    ([], "the following arguments are required: --size; see --help.\n"),
    (["--size=x"], "argument --size: invalid int value: 'x'; see --help.\n"),
    (["--size=1", "--kind=c"], "invalid choice: 'c'"),
    (["--size=1", "--si=2"], "unrecognized arguments: --si=2"),
  ],
)
def test_a_wrong_flag_is_one_line(capsys, arguments, message):
  assert command_line.run(parser(), lambda flags: 0, arguments) == 1
  printed = capsys.readouterr()
  assert printed.out == ""
  assert printed.err.startswith("error: ")
  assert printed.err.count("\n") == 1
  assert message in printed.err


def test_help_shows_the_description_as_it_is_written(capsys):
  with pytest.raises(SystemExit) as caught:
    command_line.run(parser(), lambda flags: 0, ["--help"])
  assert caught.value.code == 0
  assert "Example:\n\n  typed" in capsys.readouterr().out


@pytest.mark.parametrize(("returned", "code"), [(None, 0), (0, 0), (3, 3)])
def test_the_exit_code_is_that_of_the_work(returned, code):
  assert (
    command_line.run(parser(), lambda flags: returned, ["--size=1"]) == code
  )


@pytest.mark.parametrize(
  ("error", "code", "line"),
  [
    (ValueError("a\nb"), 1, "error: a b\n"),
    (RuntimeError("full"), 1, "error: full\n"),
    (KeyboardInterrupt(), 130, "error: interrupted; nothing is written.\n"),
  ],
)
def test_what_users_and_machines_cause_is_one_line(capsys, error, code, line):
  def work(flags):
    raise error

  assert command_line.run(parser(), work, ["--size=1"]) == code
  assert capsys.readouterr().err == line


def test_a_bug_shows_its_trace():
  with pytest.raises(ZeroDivisionError):
    command_line.run(parser(), lambda flags: 1 // 0, ["--size=1"])


def test_progress_is_printed_with_its_time(capsys):
  command_line.progress_printer()("half of it")
  assert capsys.readouterr().err == "[  0.0 s] half of it\n"
