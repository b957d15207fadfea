"""Generative retrieval in JAX: catalogue and logs in, served retriever out.

  import gr_jax

  gr_jax.run("cq_sid:tiny", workdir="runs/tiny")
  gr_jax.load("runs/tiny").search(query="whole milk", k=10)

The public names stand in `__init__.pyi`; each is imported when it is first
used.
"""

import ast
import importlib
import pathlib
from typing import Any

__version__ = "0.2.0"

_STUB = ast.parse(pathlib.Path(__file__).with_suffix(".pyi").read_text())
_HOMES = {
  alias.name: node.module
  for node in _STUB.body
  if isinstance(node, ast.ImportFrom) and node.module
  for alias in node.names
}


def __getattr__(name: str) -> Any:
  """Imports a public name from its module."""
  if name not in _HOMES:
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
  home = importlib.import_module(_HOMES[name])
  if not hasattr(home, name):
    importlib.import_module(f"{_HOMES[name]}.{name}")
  globals()[name] = getattr(home, name)
  return globals()[name]


def __dir__() -> list[str]:
  return sorted([*globals(), *_HOMES])
