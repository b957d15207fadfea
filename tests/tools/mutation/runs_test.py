"""A mutant meets the tests in a copy, and the tree stays as it is."""

import multiprocessing
import pathlib
import subprocess
import sys

import pytest

from tools.mutation.operators import by_hand
from tools.mutation.runs import (
  TestRuns,
  _pytest,
  copied_tree,
  mirrored_test,
  room_tests,
)

CODE = "def double(x):\n  return 2 * x\n\n\ndef half(x):\n  return x / 2\n"
TEST = """\
from gr_jax.math.double import double

def test_double():
  assert double(3) == 6
"""


def test_tests_mirror_the_package():
  assert mirrored_test("gr_jax/a/b/c.py") == "tests/a/b/c_test.py"


def test_the_tests_of_a_room_that_name_the_module_come_first(tmp_path):
  (tmp_path / "tests/a/b").mkdir(parents=True)
  for name, text in (
    ("b/c", "c"), ("b/d", "import x"), ("e", "uses c"), ("a", "none"),
  ):  # fmt: skip
    (tmp_path / f"tests/a/{name}_test.py").write_text(text)
  found = room_tests(tmp_path, "gr_jax/a/b/c.py")
  assert found == [
    "tests/a/e_test.py", "tests/a/a_test.py", "tests/a/b/d_test.py",
  ]  # fmt: skip


@pytest.fixture
def tree(tmp_path, monkeypatch):
  """A small repository with one test."""
  monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", "")
  source = tmp_path / "source"
  for name, text in (
    ("gr_jax/math/double.py", CODE),
    ("gr_jax/__init__.py", ""),
    ("gr_jax/math/__init__.py", ""),
    ("tests/conftest.py", ""),
    ("tests/math/double_test.py", TEST),
  ):
    (source / name).parent.mkdir(parents=True, exist_ok=True)
    (source / name).write_text(text)
  subprocess.run(["git", "init", "-q", source], check=True)
  return source


def test_a_mutant_is_killed_by_a_test_that_fails_and_the_tree_is_put_back(
  tree, tmp_path
):
  before = pathlib.Path.cwd()
  wrong, unseen = (
    by_hand("gr_jax/math/double.py", CODE, old, new)
    for old, new in (("2 * x", "2 + x"), ("x / 2", "x * 2"))
  )
  tests = ["tests/math/double_test.py"]
  with copied_tree(tree, tmp_path / "copies") as copy:
    runs = TestRuns(copy, imports=[])
    assert runs.run(tests, timeout=120) == ("passed", "")
    killed = runs.outcome(wrong, tests, timeout=120)
    assert killed["result"] == "failed"
    assert killed["why"].startswith("tests/math/double_test.py::test_double: ")
    assert runs.outcome(unseen, tests, timeout=120)["result"] == "passed"
    late = runs.outcome(wrong, tests, timeout=0.0)
    assert late["result"] == "timeout"
    assert (copy / "gr_jax/math/double.py").read_text() == CODE
  assert pathlib.Path.cwd() == before
  assert (tree / "gr_jax/math/double.py").read_text() == CODE


def test_no_mutant_is_taken_for_another_or_for_the_tree_in_a_cache(
  tree, monkeypatch
):
  file = tree / "gr_jax/math/double.py"
  seconds = [int(file.stat().st_mtime)]

  def run(tests, timeout):
    seconds.append(int(file.stat().st_mtime))
    return "passed", ""

  runs = TestRuns(tree, imports=[])
  monkeypatch.setattr(runs, "run", run)
  for new in ("2 + x", "2 - x", "2 / x"):
    mutant = by_hand("gr_jax/math/double.py", CODE, "2 * x", new)
    assert runs.outcome(mutant, [], timeout=1)["result"] == "passed"
  assert len(set(seconds)) == 4
  assert int(file.stat().st_mtime) == seconds[0]


def test_a_process_that_knows_the_package_already_runs_nothing(
  monkeypatch, tmp_path
):
  monkeypatch.chdir(tmp_path)
  monkeypatch.setitem(sys.modules, "gr_jax", sys.modules[__name__])
  ours, theirs = multiprocessing.Pipe()
  _pytest(str(tmp_path), [], theirs)
  result, why = ours.recv()
  assert result == "stale"
  assert why.startswith("gr_jax was imported from ")
