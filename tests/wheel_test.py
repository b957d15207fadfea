"""An installed wheel is enough: in a folder without a checkout it does all."""

import importlib.util
import os
import pathlib
import subprocess
import sys

import pytest

from tests.reference.small_run import ENVIRONMENT, ROOT, SMALL

pytestmark = pytest.mark.skipif(
  importlib.util.find_spec("hatchling") is None,
  reason="hatchling, of `pip install '.[test]'`, builds the wheel",
)


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> pathlib.Path:
  """The folder of an installed wheel, without its dependencies."""
  folder = tmp_path_factory.mktemp("installed")
  subprocess.run(
    [
      *(sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"),
      *("--no-build-isolation", "--no-index", "--no-compile"),
      *(f"--target={folder}", ROOT),
    ],
    check=True,
    capture_output=True,
  )
  return folder


def run(installed, folder, *arguments: str) -> subprocess.CompletedProcess:
  return subprocess.run(
    [sys.executable, *arguments],
    cwd=folder,
    env=os.environ | ENVIRONMENT | {"PYTHONPATH": str(installed)},
    capture_output=True,
    text=True,
    check=False,
  )


def test_the_wheel_holds_all_of_the_library(installed):
  carried = {path.relative_to(installed) for path in installed.rglob("*")}
  recipes = pathlib.Path("gr_jax", "recipes")
  for folder, inside in (
    ("gr_jax", pathlib.Path()),
    ("configs", recipes),
    ("experiments", recipes),
  ):
    for path in (ROOT / folder).rglob("*.*"):
      name = path.relative_to(ROOT)
      if "__pycache__" not in name.parts and name.parts[1] != "results":
        assert inside / name in carried
  assert pathlib.Path("gr_jax", "py.typed") in carried
  assert not list(installed.rglob("results/*/table.md"))
  # No other top-level name is taken; `bin` has the console script.
  names = {path.name.partition("-")[0] for path in installed.iterdir()}
  assert names == {"gr_jax", "bin"}


def test_names_of_recipes_are_those_of_the_wheel(installed, tmp_path):
  done = run(installed, tmp_path, "-m", "gr_jax.main", "--help")
  assert done.returncode == 0, done.stderr
  assert "\n  cq_sid " in done.stdout
  code = "from gr_jax import recipes; print(recipes.find('cq_sid'))"
  found = run(installed, tmp_path, "-c", code).stdout
  assert found.startswith(f"{installed}/gr_jax/recipes/configs/cq_sid.py")


def test_a_shop_is_imported(installed, tmp_path):
  items = ["item_id,text", *(f"B{i},thing number {i}" for i in range(40))]
  events = [f"u{i % 9},B{7 * i % 40},{1_700_000_000 + i}" for i in range(200)]
  (tmp_path / "items.csv").write_text("\n".join(items))
  (tmp_path / "events.csv").write_text(
    "\n".join(["user_id,item_id,time", *events])
  )
  done = run(
    *(installed, tmp_path, "-m", "gr_jax.import_data"),
    *("--items=items.csv", "--events=events.csv", "--output=data"),
  )
  assert done.returncode == 0, done.stderr
  assert "40 items, 9 users" in done.stdout
  assert (tmp_path / "data" / "catalogue").is_dir()


@pytest.mark.slow
def test_a_recipe_runs_by_its_name(installed, tmp_path):
  done = run(
    installed, tmp_path, "-m", "gr_jax.main", "--config=cq_sid:tiny", *SMALL
  )
  assert done.returncode == 0, done.stderr
  assert (tmp_path / "runs" / "cq_sid-tiny" / "report.html").is_file()
