"""What can be done: `python -m gr_jax`, or `gr_jax`, lists the commands.

  gr_jax main --config=cq_sid:tiny

is `python -m gr_jax.main --config=cq_sid:tiny`, and so for all of them.
"""

import ast
import difflib
import pathlib
import runpy
import sys

from gr_jax import command_line

_HERE = pathlib.Path(__file__).parent
_COMMANDS = (
  "main",
  "import_data",
  "serving",
  "serving.log",
  "update",
  "retrieval.export_decoder",
)


def commands() -> dict[str, str]:
  """Every command, and the first line of its docstring."""
  return {
    name: _title(path)
    for name in _COMMANDS
    if (path := _file(name)) is not None
  }


def main(arguments: list[str] | None = None) -> None:
  """Runs a command, or lists all of them."""
  name, *rest = (sys.argv[1:] if arguments is None else arguments) or ["--help"]
  known = commands()
  if name in known:
    sys.argv = [f"gr_jax {name}", *rest]
    try:
      runpy.run_module(f"gr_jax.{name}", run_name="__main__", alter_sys=True)
    except ModuleNotFoundError as error:
      sys.exit(f"error: {command_line.one_line(error)}")
  elif name in ("help", "--help", "-h"):
    print(_list(known))
  else:
    close = difflib.get_close_matches(name, known, n=1)
    hint = f"; did you mean {close[0]!r}?" if close else "."
    sys.exit(
      f"error: there is no command {name!r}{hint} There are: "
      f"{', '.join(known)}."
    )


def _list(known: dict[str, str]) -> str:
  width = 2 + max(map(len, known))
  return "\n".join(
    [
      "gr_jax COMMAND, or python -m gr_jax.COMMAND; --help says more:\n",
      *(f"  {name:{width}}{title}" for name, title in known.items()),
    ]
  )


def _file(name: str) -> pathlib.Path | None:
  """The file of a module; it is read, not imported, as JAX takes seconds."""
  path = _HERE.joinpath(*name.split("."))
  files = (path.with_suffix(".py"), path / "__main__.py")
  return next((file for file in files if file.is_file()), None)


def _title(path: pathlib.Path) -> str:
  text = ast.get_docstring(ast.parse(path.read_text())) or ""
  return text.partition("\n")[0]


if __name__ == "__main__":
  main()
