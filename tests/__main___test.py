import importlib.util
import pathlib
import runpy
import subprocess
import sys
import tomllib

import pytest

from gr_jax import __main__ as commands

# Enough to pass the checks of the flags.
ARGUMENTS = {
  "update": ["--artefacts=run", "--events=new.csv"],
  "serving": ["--artefacts=run"],
}


def test_every_command_is_listed_with_its_first_line(capsys):
  commands.main([])
  lines = capsys.readouterr().out.splitlines()
  assert "  import_data" in lines[2 + 1]
  for name, title in commands.commands().items():
    assert importlib.util.find_spec(f"gr_jax.{name}")
    assert title.endswith(".")
    assert any(line.split(maxsplit=1) == [name, title] for line in lines)


def test_a_command_gets_its_arguments(monkeypatch):
  calls = []
  monkeypatch.setattr(
    runpy, "run_module", lambda name, **_: calls.append((name, sys.argv[1:]))
  )
  monkeypatch.setattr(sys, "argv", ["gr_jax", "main", "--config=cq_sid"])
  commands.main()
  assert calls == [("gr_jax.main", ["--config=cq_sid"])]


def test_a_misspelt_command_is_one_line():
  with pytest.raises(SystemExit, match=r"'mian'; did you mean 'main'\? There"):
    commands.main(["mian"])
  with pytest.raises(SystemExit, match=r"'zzz'\. There are: main"):
    commands.main(["zzz"])


def test_the_console_script_is_this():
  project = pathlib.Path(__file__).parents[1] / "pyproject.toml"
  scripts = tomllib.loads(project.read_text())["project"]["scripts"]
  assert scripts == {"gr_jax": "gr_jax.__main__:main"}


@pytest.mark.parametrize("name", ["main", "import_data", "update", "serving"])
def test_a_command_without_its_packages_is_one_line(name):
  """`-S` hides the installed packages, as in a clone that is not installed."""
  run = subprocess.run(
    [sys.executable, "-S", "-m", f"gr_jax.{name}", *ARGUMENTS.get(name, [])],
    cwd=pathlib.Path(__file__).parents[1],
    capture_output=True,
    text=True,
    check=False,
  )
  assert run.returncode == 1
  assert run.stderr.startswith("error: No module named ")
  assert run.stderr.endswith("run `pip install .` first.\n")
  assert run.stderr.count("\n") == 1
