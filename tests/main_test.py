"""Whatever is wrong with a command is one line, with exit code 1."""

import errno
import os
import pathlib
import signal
import subprocess
import sys
import types

import pytest

from gr_jax import main

Flag = types.SimpleNamespace
ROOT = pathlib.Path(__file__).parents[1]
TINY = "--config=configs/cq_sid.py:tiny"


def call(*arguments: str, **options) -> subprocess.CompletedProcess:
  return subprocess.run(
    [sys.executable, "-m", "gr_jax.main", *arguments],
    capture_output=True,
    text=True,
    check=False,
    **{"cwd": ROOT, **options},
  )


def config_file(folder: pathlib.Path, text: str) -> str:
  (folder / "configs").mkdir(exist_ok=True)
  path = folder / "configs" / "mine.py"
  path.write_text(f"{text}\ndef get_config(preset=''):\n  return None\n")
  return f"--config={path}"


@pytest.mark.parametrize(
  ("arguments", "message"),
  [
    ((), "--config is missing, e.g. --config=cq_sid."),
    (("--config",), "--config is missing"),
    (("--confg=cq_sid",), "--confg is no flag; did you mean --config?"),
    (
      (TINY, "--config.generator.loop.stps=1"),
      "--config.generator.loop.stps: the config has no 'stps'; did you mean "
      "'steps'?",
    ),
    (
      (TINY, "--config.generatr.loop.steps=1"),
      "--config.generatr.loop.steps: the config has no 'generatr'",
    ),
    (
      (TINY, "--config.generator.loop.steps=many"),
      "--config.generator.loop.steps=many: invalid literal",
    ),
    (("--config=configs/cq_sid.py:huge",), "unknown preset 'huge'; there are:"),
    (("--config=configs/none.py",), "configs/none.py is no config file"),
    (("--config", "configs/none.py"), "configs/cq_sid.py"),
    (("--config=configs/retrieval.py",), "no config file with get_config()"),
    (("--config=cq_sidd:tiny",), "no recipe 'cq_sidd'; did you mean 'cq_sid'?"),
    (("--config=retrieval",), "There are: acrq, amazon_beauty, cq_sid, "),
    (("--config=cq_sid:huge",), "unknown preset 'huge'; there are:"),
    (("--config=pyproject.toml",), "pyproject.toml is no config file"),
    ((TINY, "--confg=1"), "'confg'. Did you mean: config"),
    ((TINY, "extra"), "unknown argument 'extra'"),
  ],
)
def test_a_wrong_command_is_one_line(arguments, message):
  done = call(*arguments)
  assert done.returncode == 1
  assert done.stdout == ""
  assert done.stderr.startswith("error: ")
  assert done.stderr.count("\n") == 1, done.stderr
  assert message in done.stderr


@pytest.mark.parametrize(
  ("text", "message"),
  [
    ("x = = 3", "invalid syntax (mine.py, line 1)"),
    ("import nopackage", "No module named 'nopackage'; run `pip install .`"),
  ],
)
def test_a_broken_config_is_one_line(tmp_path, text, message):
  done = call(config_file(tmp_path, text))
  assert done.returncode == 1
  assert done.stderr.startswith(f"error: {message}")
  assert done.stderr.count("\n") == 1


def test_help_shows_the_command_and_succeeds():
  done = call("--help")
  assert done.returncode == 0
  assert TINY in done.stdout
  assert "--workdir" in done.stdout
  for name in ("cq_sid", "tiger", "flow_pictures_claim"):
    assert f"\n  {name}  " in done.stdout
  assert done.stderr == ""


def test_a_name_and_its_file_are_one_recipe(tmp_path):
  """What is wrong comes from the config that both spellings load."""
  wrong = "--config.generator.loop.steps=many"
  for config in ("cq_sid:tiny", "cq_sid.py:tiny", f"{ROOT}/configs/cq_sid.py"):
    done = call(
      f"--config={config}", wrong, cwd=tmp_path,
      env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert f"{wrong}: invalid literal" in done.stderr, config


def test_without_its_packages_it_says_what_to_install():
  code = (
    "import runpy, sys; sys.modules['ml_collections'] = None; "
    "runpy.run_module('gr_jax.main', run_name='__main__')"
  )
  done = subprocess.run(
    [sys.executable, "-c", code],
    cwd=ROOT, capture_output=True, text=True, check=False,
  )  # fmt: skip
  assert done.returncode == 1
  assert done.stderr.startswith("error: ")
  assert done.stderr.endswith("run `pip install .` first.\n")
  assert done.stderr.count("\n") == 1


def test_configs_of_another_folder_find_their_experiments(tmp_path):
  """The whole way to an experiment, from a folder that is not the project."""
  (tmp_path / "experiments").mkdir()
  (tmp_path / "experiments" / "__init__.py").touch()
  (tmp_path / "experiments" / "mine.py").write_text(
    "def run(config, workdir):\n"
    "  raise ValueError(f'{config.size} in {workdir.name}\\nis too large')\n"
  )
  (tmp_path / "configs").mkdir()
  (tmp_path / "configs" / "mine.py").write_text(
    "from ml_collections import ConfigDict\n"
    "def get_config(preset=''):\n"
    "  return ConfigDict({'experiment': 'mine', 'size': 1})\n"
  )
  done = call(
    "--config=configs/mine.py:small",
    "--config.size=7",
    cwd=tmp_path,
    env=os.environ | {"PYTHONPATH": str(ROOT)},
  )
  assert done.returncode == 1
  assert done.stderr == "error: 7 in mine-small is too large\n"


@pytest.mark.parametrize(
  ("error", "message"),
  [
    (OSError(errno.ENOSPC, "No space left on device"), "No space left"),
    (ImportError("no such name"), "no such name"),
    (KeyboardInterrupt(), "the same command goes on"),
  ],
)
def test_what_stops_a_run_is_one_line(monkeypatch, capsys, error, message):
  def run():
    raise error

  monkeypatch.setattr(main, "run", run)
  monkeypatch.setattr(main, "_TRACEBACK", Flag(value=False))
  assert main.main([]) > 0
  printed = capsys.readouterr().err
  assert printed.startswith("error: ")
  assert printed.count("\n") == 1
  assert message in printed


@pytest.mark.parametrize("traceback", [False, True])
def test_sigterm_ends_a_run_with_the_code_for_again(
  monkeypatch, capsys, traceback
):
  monkeypatch.setattr(main, "run", lambda: signal.raise_signal(signal.SIGTERM))
  monkeypatch.setattr(main, "_TRACEBACK", Flag(value=traceback))
  assert main.main([]) == 75
  printed = capsys.readouterr().err
  assert printed.startswith("stopped by SIGTERM between two steps; the same")
  assert printed.count("\n") == 1


@pytest.mark.parametrize(
  ("error", "traceback"), [(TypeError, False), (ValueError, True)]
)
def test_a_bug_shows_its_trace(monkeypatch, error, traceback):
  def run():
    raise error("a bug")

  monkeypatch.setattr(main, "run", run)
  monkeypatch.setattr(main, "_TRACEBACK", Flag(value=traceback))
  with pytest.raises(error):
    main.main([])
