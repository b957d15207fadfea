"""Imports run one way, from tools down to arrays, and rooms form no circle."""

import ast
import functools
import graphlib
import pathlib
from collections.abc import Iterator

import pytest

ROOT = pathlib.Path(__file__).parents[1]
# From the top to the ground: a room imports its own layer and those below.
LAYERS = (
  ("tools",),
  ("gr_jax.main", "gr_jax.update", "gr_jax.__main__"),
  ("experiments", "configs", "gr_jax.recipes"),
  ("gr_jax.serving",),
  ("gr_jax.retrieval", "gr_jax.rl", "gr_jax.dual_encoder"),
  ("gr_jax.generators", "gr_jax.ranking", "gr_jax.diffusion"),
  ("gr_jax.candidates",),
  ("gr_jax.dense",),
  (
    "gr_jax.tokenizers",
    "gr_jax.decoding",
    "gr_jax.evaluation",
    "gr_jax.text",
    "gr_jax.import_data",
  ),
  (
    "gr_jax.training",
    "gr_jax.clustering",
    "gr_jax.objectives",
    "gr_jax.quantization",
    "gr_jax.nn",
    "gr_jax.data",
    "gr_jax.parallel",
    "gr_jax.artefacts",
    "gr_jax.atomic",
    "gr_jax.checksums",
    "gr_jax.choices",
    "gr_jax.fingerprints",
    "gr_jax.kept_stages",
    "gr_jax.manifests",
    "gr_jax.provenance",
    "gr_jax.command_line",
    "gr_jax.progress_bar",
  ),
)
LAYER = {room: at for at, rooms in enumerate(LAYERS) for room in rooms}


def room_of(module: str) -> str | None:
  """The room of a module of this project; None for a library."""
  first, *rest = module.split(".")
  if first == "gr_jax":
    # `gr_jax` itself is its version; its other names are for programs.
    return f"gr_jax.{rest[0]}" if rest else None
  return first if first in LAYER else None


def imports(path: pathlib.Path) -> Iterator[str]:
  """Modules that a file imports, wherever in the file it does."""
  for node in ast.walk(ast.parse(path.read_text())):
    if isinstance(node, ast.Import):
      yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
      assert node.level == 0, f"{path}: imports name their whole path"
      for alias in node.names:
        # `from gr_jax import recipes` names a room by its second part.
        bare = node.module == "gr_jax"
        yield f"{node.module}.{alias.name}" if bare else node.module


def files() -> Iterator[tuple[pathlib.Path, str]]:
  """Every file with a layer, and its room."""
  for folder in ("gr_jax", "experiments", "configs", "tools"):
    for path in sorted((ROOT / folder).rglob("*.py")):
      name = path.relative_to(ROOT).with_suffix("")
      room = room_of(".".join(name.parts))
      if room != "gr_jax.__init__":
        yield path, room


@functools.cache  # Every file is read once for all rooms.
def room_imports() -> tuple[tuple[pathlib.Path, str, str], ...]:
  """(file, its room, another room that it imports)."""
  return tuple(
    (path.relative_to(ROOT), room, other)
    for path, room in files()
    for other in map(room_of, imports(path))
    if other not in (None, room)
  )


def test_every_room_has_a_layer():
  assert {room for _, room in files()} <= set(LAYER)


@pytest.mark.parametrize("room", LAYER)
def test_imports_run_downwards(room):
  wrong = [
    f"{path} imports {other}"
    for path, importer, other in room_imports()
    if importer == room and LAYER.get(other, -1) < LAYER[room]
  ]
  assert not wrong, "\n".join(wrong)


def test_rooms_form_no_circle():
  below: dict[str, set[str]] = {}
  for _, room, other in room_imports():
    below.setdefault(room, set()).add(other)
  graphlib.TopologicalSorter(below).prepare()


def test_config_objects_stop_at_the_experiments():
  wrong = [
    str(path.relative_to(ROOT))
    for path, room in files()
    if LAYER.get(room, 0) > LAYER["experiments"]
    and any(module.startswith("ml_collections") for module in imports(path))
  ]
  assert not wrong
