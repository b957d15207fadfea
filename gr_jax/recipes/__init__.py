"""Recipes by name: a config, the experiment that it names, and their run.

A checkout has them in `configs` and `experiments`; in a wheel both folders lie
inside this package. Folders of the same names in the current one add to them:
`./configs/mine.py` is the recipe `mine`.
"""

import ast
import difflib
import importlib
import importlib.machinery
import pathlib
import sys
import types
from typing import Any

from gr_jax import command_line
from gr_jax.recipes import keys, ranges

_HERE = pathlib.Path(__file__).parent
ROOT = _HERE if (_HERE / "configs").is_dir() else _HERE.parents[1]


def names() -> dict[str, str]:
  """Every recipe that can be named, and the first line of its docstring."""
  found = {}
  for folder in _folders():
    for path in sorted(filter(_is_config, folder.glob("*.py"))):
      text = ast.get_docstring(ast.parse(path.read_text())) or ""
      found.setdefault(path.stem, text.partition("\n")[0])
  return dict(sorted(found.items()))


def find(config: str) -> str:
  """The `FILE:PRESET` of `NAME:PRESET`; a file stays as it is.

  Raises:
    ValueError: there is no such recipe, or the file is no config.
  """
  name, colon, preset = config.partition(":")
  path = pathlib.Path(name)
  if _is_config(path):
    return config
  if len(path.parts) != 1 or path.suffix not in ("", ".py"):
    raise ValueError(f"{path} is no config file with get_config(){_near(path)}")
  for folder in _folders():
    found = folder / f"{path.stem}.py"
    if _is_config(found):
      return f"{found}{colon}{preset}"
  close = difflib.get_close_matches(path.stem, names(), n=1)
  hint = f"; did you mean {close[0]!r}?" if close else "."
  raise ValueError(
    f"there is no recipe {path.stem!r}{hint} There are: {', '.join(names())}."
  )


def with_config_file(argv: list[str]) -> list[str]:
  """The arguments with the file of --config in place of its name."""
  for at, flag in enumerate(argv):
    name, equals, value = flag.lstrip("-").partition("=")
    if not flag.startswith("-") or name != "config":
      continue
    end = at + 1 if equals else at + 2
    value = value if equals else "".join(argv[at + 1 : end])
    if value:
      file = find(value)
      import_from(file.partition(":")[0])
      return [*argv[:at], f"--config={file}", *argv[end:]]
  names = [flag.lstrip("-").partition("=")[0] for flag in argv[1:]]
  close = difflib.get_close_matches("config", names, n=1)
  hint = f" --{close[0]} is no flag; did you mean --config?" if close else ""
  raise ValueError(
    f"--config is missing, e.g. --config=cq_sid.{hint} --help lists them."
  )


def get_config(config: str) -> Any:
  """The config (a `ConfigDict`) of `NAME`, `NAME:PRESET` or `FILE:PRESET`.

  Raises:
    ValueError: there is no such recipe or preset.
  """
  file, _, preset = find(config).partition(":")
  import_from(file)
  loader = importlib.machinery.SourceFileLoader("gr_jax_config", file)
  module = types.ModuleType(loader.name)
  loader.exec_module(module)
  return module.get_config(preset)


def run(config: Any, *, workdir: str | pathlib.Path) -> dict:
  """Runs a recipe, or what is left of it to run, and returns its report.

  Args:
    config: a name as of `get_config`, or a config that it returned.
    workdir: the folder of artefacts and report.

  Raises:
    ValueError: a key of an earlier version, or a value that no stage knows.
  """
  # Before JAX starts: its CPU client allocates at once.
  from gr_jax.parallel import start
  from gr_jax.parallel.watchdog import HostsConfig
  from gr_jax.parallel.watched import watched

  start.start()
  if isinstance(config, str):
    config = get_config(config)
  keys.check_renamed(config)
  ranges.check_ranges(config)
  hosts = HostsConfig(**config.get("hosts", {}))
  optimize = config.get("compiler", {}).get("optimize", True)
  with start.compiling(optimize=optimize):
    # Imports may call JAX.
    experiment = importlib.import_module(f"experiments.{config.experiment}")
    with watched(hosts, command_line.one_line):
      return experiment.run(config, pathlib.Path(workdir).absolute())


def default_workdir(config: str) -> pathlib.Path:
  """`runs/cq_sid-tiny` of `cq_sid:tiny` and of `configs/cq_sid.py:tiny`."""
  path, _, preset = config.partition(":")
  return pathlib.Path(
    "runs", f"{pathlib.Path(path).stem}-{preset or 'default'}"
  )


def import_from(config_file: str | pathlib.Path) -> None:
  """Lets `import configs` and `import experiments` find a config's folders.

  Configs import each other, and name the experiments beside their folder.
  """
  beside = pathlib.Path(config_file).absolute().parent.parent
  for folder in dict.fromkeys((str(ROOT), str(beside))):
    if sys.path[0] != folder:
      sys.path.insert(0, folder)


def _folders() -> list[pathlib.Path]:
  return [pathlib.Path("configs"), ROOT / "configs"]


def _near(path: pathlib.Path) -> str:
  """The configs that lie where one is missing, else the recipes."""
  beside = sorted(map(str, filter(_is_config, path.parent.glob("*.py"))))
  if beside:
    return f"; beside it are {', '.join(beside)}."
  return f"; recipes are {', '.join(names())}."


def _is_config(path: pathlib.Path) -> bool:
  return (
    path.suffix == ".py"
    and path.is_file()
    and "def get_config" in path.read_text()
  )
