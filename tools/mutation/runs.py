"""Runs tests against mutants, in a copy of the tree.

A fork server imports JAX and pytest once, without a backend; every run of
pytest is a child of it, so a mutant costs the seconds of its tests alone.
"""

import contextlib
import multiprocessing
import os
import pathlib
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence

import pytest

from tools.mutation.operators import Mutant

# The first sets what JAX reads from the environment.
_IMPORTS = (
  "tests.conftest", "jax", "jax.numpy", "flax.linen", "optax", "polars",
  "scipy.sparse", "chex", "orbax.checkpoint", "hypothesis.strategies",
)  # fmt: skip


def mirrored_test(file: str) -> str:
  """`gr_jax/a/b.py` is tested by `tests/a/b_test.py`."""
  return "tests" + file.removeprefix("gr_jax").removesuffix(".py") + "_test.py"


def room_tests(tree: pathlib.Path, file: str) -> list[str]:
  """All other tests of the package, those that name the module first."""
  path = pathlib.Path(file)
  own = mirrored_test(file)
  folder = tree / "tests" / path.parts[1]
  tests = sorted(folder.rglob("*_test.py"))
  tests.sort(key=lambda test: path.stem not in test.read_text())
  names = [str(test.relative_to(tree)) for test in tests]
  return [name for name in names if name != own]


@contextlib.contextmanager
def copied_tree(
  source: pathlib.Path, folder: pathlib.Path
) -> Iterator[pathlib.Path]:
  """A copy of what git tracks, where this process then stands."""
  tree = folder / "tree"
  shutil.rmtree(tree, ignore_errors=True)
  listed = subprocess.run(
    ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
    cwd=source, check=True, capture_output=True, text=True,
  )  # fmt: skip
  for name in filter(None, listed.stdout.split("\0")):
    if (source / name).is_file():
      (tree / name).parent.mkdir(parents=True, exist_ok=True)
      shutil.copy2(source / name, tree / name)
  before, path = os.getcwd(), list(sys.path)
  os.environ["JAX_COMPILATION_CACHE_DIR"] = str(folder / "programs")
  os.chdir(tree)
  sys.path[:] = [str(tree)] + [p for p in path if p not in ("", str(source))]
  try:
    yield tree
  finally:
    os.chdir(before)
    sys.path[:] = path


class TestRuns:
  """Runs of pytest in the copied tree.

  Args:
    tree: the copy.
    imports: the modules that the fork server imports.
  """

  __test__ = False

  def __init__(self, tree: pathlib.Path, imports: Sequence[str] = _IMPORTS):
    self.tree = tree
    self._mutants = 0
    self._context = multiprocessing.get_context("forkserver")
    self._context.set_forkserver_preload(list(imports))

  def run(self, tests: Sequence[str], *, timeout: float) -> tuple[str, str]:
    """Runs tests up to the first that fails.

    Returns:
      "passed", or "failed" and "name: the error's first line", or "timeout".

    Raises:
      RuntimeError: the process had imported the package before the tests did.
    """
    ours, theirs = self._context.Pipe(duplex=False)
    child = self._context.Process(
      target=_pytest, args=(str(self.tree), list(tests), theirs)
    )
    child.start()
    theirs.close()
    try:
      if not ours.poll(timeout):
        return "timeout", f"longer than {timeout:.0f} s"
      result, why = ours.recv()
    except EOFError:
      return "failed", "the process died"
    finally:
      child.kill()
      child.join()
    if result == "stale":
      raise RuntimeError(f"{why}: tests would not see what is changed.")
    return result, why

  def outcome(
    self, mutant: Mutant, tests: Sequence[str], *, timeout: float
  ) -> dict:
    """Runs tests against a mutant; returns its record.

    Python takes a cached module for current where its source has the same size
    and the same second of change, as a mutant may that follows another: each
    is given a second of its own.
    """
    path = self.tree / mutant.file
    source, changed = path.read_text(), path.stat().st_mtime
    self._mutants += 1
    path.write_text(mutant.apply(source))
    os.utime(path, (changed + self._mutants,) * 2)
    started = time.perf_counter()
    try:
      result, why = self.run(tests, timeout=timeout)
    finally:
      path.write_text(source)
      os.utime(path, (changed, changed))
    seconds = round(time.perf_counter() - started, 1)
    return {"result": result, "why": why, "seconds": seconds}


class _FirstFailure:
  def __init__(self):
    self.why = ""

  def pytest_runtest_logreport(self, report):
    if report.failed and not self.why:
      crash = getattr(report.longrepr, "reprcrash", None)
      text = crash.message if crash else str(report.longrepr)
      self.why = f"{report.nodeid}: {text.strip().splitlines()[0][:120]}"

  def pytest_collectreport(self, report):
    self.pytest_runtest_logreport(report)


def _pytest(tree: str, tests: list[str], results) -> None:
  os.chdir(tree)
  if "gr_jax" in sys.modules:
    path = sys.modules["gr_jax"].__file__
    results.send(("stale", f"gr_jax was imported from {path}"))
    return
  with open(os.devnull, "w") as null:
    os.dup2(null.fileno(), 1)
    os.dup2(null.fileno(), 2)
  first = _FirstFailure()
  options = ["-x", "-q", "-n", "0", "-p", "no:cacheprovider", "--tb=short"]
  options += ["-W", "ignore::pytest.PytestAssertRewriteWarning"]
  code = pytest.main([*options, f"--rootdir={tree}", *tests], plugins=[first])
  if code == pytest.ExitCode.OK:
    results.send(("passed", ""))
  elif code in (pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.INTERRUPTED):
    results.send(("failed", first.why))
  else:
    results.send(("failed", f"pytest ended with {int(code)}: {first.why}"))
