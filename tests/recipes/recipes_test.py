"""A recipe is found by name, in the library or in the current folder."""

import os
import pathlib
import subprocess
import sys

import pytest

from gr_jax import recipes

ROOT = pathlib.Path(__file__).parents[2]


def write(folder: pathlib.Path, name: str, text: str) -> None:
  path = folder / name
  path.parent.mkdir(parents=True, exist_ok=True)
  path.write_text(text)


def test_every_config_has_a_name_and_a_title():
  files = {
    path.stem
    for path in (ROOT / "configs").glob("*.py")
    if "def get_config" in path.read_text()
  }
  found = recipes.names()
  assert set(found) == files
  assert all(title.endswith(".") for title in found.values())


@pytest.mark.parametrize("name", ["cq_sid", "cq_sid.py"])
@pytest.mark.parametrize("preset", ["", ":", ":tiny"])
def test_a_name_is_a_file_of_the_library(monkeypatch, tmp_path, name, preset):
  monkeypatch.chdir(tmp_path)
  found = recipes.find(f"{name}{preset}")
  assert found == f"{ROOT / 'configs' / 'cq_sid.py'}{preset}"


def test_a_file_stays_as_it_is(monkeypatch, tmp_path):
  write(tmp_path, "mine.py", "def get_config(preset): pass\n")
  monkeypatch.chdir(tmp_path)
  for config in ("mine.py:tiny", f"{tmp_path}/mine.py", "./mine.py"):
    assert recipes.find(config) == config


def test_the_current_folder_comes_before_the_library(monkeypatch, tmp_path):
  write(tmp_path, "configs/cq_sid.py", "'''Mine.'''\ndef get_config(p): pass\n")
  monkeypatch.chdir(tmp_path)
  assert recipes.find("cq_sid:tiny") == "configs/cq_sid.py:tiny"
  assert recipes.names()["cq_sid"] == "Mine."
  assert recipes.find("tiger") == str(ROOT / "configs" / "tiger.py")


@pytest.mark.parametrize(
  ("config", "message"),
  [
    ("cq_sidd:tiny", r"no recipe 'cq_sidd'; did you mean 'cq_sid'\? There are"),
    ("zzz", r"no recipe 'zzz'\. There are"),
    ("retrieval", "no recipe 'retrieval'"),
    ("elsewhere/x.py", r"recipes are acrq, .*cq_sid.*tiger"),
    ("x.toml", "x.toml is no config file"),
  ],
)
def test_what_is_not_there_names_what_is(
  monkeypatch, tmp_path, config, message
):
  monkeypatch.chdir(tmp_path)
  with pytest.raises(ValueError, match=message) as caught:
    recipes.find(config)
  assert "\n" not in str(caught.value)


def test_a_loaded_config_is_that_of_its_file():
  from configs import tiger

  assert recipes.get_config("tiger:tiny") == tiger.get_config("tiny")
  assert recipes.get_config("tiger") != recipes.get_config("tiger:tiny")


def test_each_preset_has_a_folder_of_its_own_in_both_spellings():
  for spelling in ("cq_sid", "cq_sid.py", "configs/cq_sid.py", "/a/cq_sid.py"):
    for preset, folder in ((":tiny", "cq_sid-tiny"), ("", "cq_sid-default")):
      found = recipes.default_workdir(f"{spelling}{preset}")
      assert found == pathlib.Path("runs", folder)


def test_recipes_of_a_folder_add_to_those_of_the_library(tmp_path):
  """An experiment beside one's own config can use the library's pipeline."""
  write(
    tmp_path,
    "experiments/own_experiment.py",
    "from experiments.pipeline.run import check\n"
    "from experiments import cq_sid\n"
    "def run(config, workdir): return {'size': config.size, 'at': workdir}\n",
  )
  write(
    tmp_path,
    "configs/own_base.py",
    "from configs.retrieval import PRESETS\n",
  )
  write(
    tmp_path,
    "configs/own_recipe.py",
    "from ml_collections import ConfigDict\n"
    "from configs import own_base\n"
    "def get_config(preset=''):\n"
    "  return ConfigDict({'experiment': 'own_experiment', 'size': 3})\n",
  )
  code = (
    "import gr_jax.recipes as r; "
    f"print(r.run('{tmp_path}/configs/own_recipe.py', workdir='w'))"
  )
  done = subprocess.run(
    [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True,
    check=False, env=os.environ | {"PYTHONPATH": str(ROOT)},
  )  # fmt: skip
  assert done.returncode == 0, done.stderr
  assert "'size': 3" in done.stdout
