"""Compiled searches, kept on disk whole.

JAX's own cache saves the compiler's work but not the second that tracing takes,
for every size of a batch; a server that starts anew would wait for that. So the
finished programs are kept beside that cache, named by everything that they
depend on: the source of what is traced, the versions, the machine, the model's
attributes, and the shapes of all arguments with their places on a mesh. A file
that cannot be read is compiled again.

Such a file is a pickle with a program in it: to read it is to run it. What
another user could have written is therefore not read.
"""

import concurrent.futures
import contextlib
import functools
import hashlib
import os
import pathlib
import platform
import re
import sys
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.experimental import serialize_executable
from jax.sharding import Mesh, NamedSharding

import gr_jax
from gr_jax import atomic
from gr_jax.decoding.beam_search import beam_search
from gr_jax.decoding.beams import BeamSize, SearchResult
from gr_jax.decoding.filters import RowMask
from gr_jax.decoding.generator import Generator
from gr_jax.decoding.value_ranking import is_valued
from gr_jax.retrieval.private_files import others_can_write, read_private
from gr_jax.retrieval.row_searches import search_rows

# The sources that a search is traced from.
_TRACED = (
  "decoding",
  "generators",
  "nn",
  "objectives/value_buckets.py",
  "parallel/constraints.py",
  "parallel/mesh.py",
  "quantization",
  "retrieval/compiled_search.py",
  "retrieval/row_searches.py",
  "retrieval/search_layout.py",
)

OPTIONS = {"gpu": {"xla_gpu_dot_merger_threshold_mb": 0}}
"""The compiler's options of a search, by platform."""


class SearchInputs(NamedTuple):
  """All arguments of a search.

  Attributes:
    variables: everything that the model reads.
    prompt: the prompts and queries.
    trie: the catalogue.
    allowed: `B` masks over the trie's rows.
    count: the number of rows that are searched, each by itself, see
      `search_rows`; None searches all together.
  """

  variables: Any
  prompt: Any
  trie: Any
  allowed: RowMask
  count: Any = None


class CompiledSearches:
  """Programs by model, beam and the shapes of their arguments.

  Args:
    folder: the folder that keeps them; None keeps none, and so does one that
      other users can write to.
  """

  def __init__(self, folder: pathlib.Path | None = None):
    if folder and folder.exists() and others_can_write(folder):
      print(
        f"compiled searches are neither read from {folder} nor kept there: "
        "other users can write to it (chmod go-w, or name a folder of your own "
        "by JAX_COMPILATION_CACHE_DIR)",
        file=sys.stderr,
        flush=True,
      )
      folder = None
    self._folder = folder
    self._programs: dict[str, Callable] = {}

  def __len__(self) -> int:
    return len(self._programs)

  def prepare(
    self, model: Generator, beam: BeamSize, inputs: Iterable[SearchInputs]
  ) -> None:
    """Loads or compiles the programs for these arguments, several at once."""
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
      jobs = [pool.submit(self._prepare, model, beam, each) for each in inputs]
      for each in jobs:
        each.result()

  def __call__(
    self, model: Generator, beam: BeamSize, inputs: SearchInputs
  ) -> SearchResult:
    """Runs the program; one that was not prepared is compiled now."""
    program = self._prepare(model, beam, inputs)
    return SearchResult(*program(*jax.tree.leaves(inputs)))

  def _prepare(self, model, beam, inputs: SearchInputs) -> Callable:
    name = _name(model, beam, _shapes(inputs))
    if name not in self._programs:
      self._programs[name] = self._load_or_compile(name, model, beam, inputs)
    return self._programs[name]

  def _load_or_compile(
    self, name: str, model, beam: BeamSize, inputs
  ) -> Callable:
    path = self._folder and self._folder / f"search-{name}"
    # All but the values, which not every generator predicts.
    outputs = len(SearchResult._fields) - (not is_valued(model))
    if path and (found := _read(path, inputs, outputs)):
      return found
    program = _compiled(name, model, beam, _shapes(inputs))
    if path:
      _write(path, program, inputs, outputs)
    return program


def _shapes(inputs: SearchInputs) -> SearchInputs:
  """Shapes and types, and the places of arrays that lie on a mesh."""

  def shape(x: Any) -> jax.ShapeDtypeStruct:
    placed = getattr(x, "sharding", None)
    place = placed if isinstance(placed, NamedSharding) else None
    return jax.ShapeDtypeStruct(np.shape(x), x.dtype, sharding=place)

  return jax.tree.map(shape, inputs)


def _mesh_of(shapes: SearchInputs) -> Mesh | None:
  """The mesh that all arguments lie on; None where they lie on one device."""
  place = getattr(jax.tree.leaves(shapes.trie)[0], "sharding", None)
  mesh = place.mesh if isinstance(place, NamedSharding) else None
  return mesh if isinstance(mesh, Mesh) else None


def _compiled(
  name: str, model: Generator, beam: BeamSize, shapes: SearchInputs
) -> Callable:
  leaves, tree = jax.tree.flatten(shapes)

  def search(*leaves):
    inputs = jax.tree.unflatten(tree, leaves)

    def found(rows):
      prompt, allowed = rows
      where = inputs.variables, prompt, inputs.trie
      return beam_search(model, *where, beam_size=beam, allowed=allowed)

    rows = inputs.prompt, inputs.allowed
    if inputs.count is None:
      return tuple(jax.tree.leaves(found(rows)))
    return tuple(jax.tree.leaves(search_rows(found, rows, inputs.count)))

  # A program from JAX's cache cannot be kept whole: under a name of its own it
  # is found there only if it was kept here as well.
  search.__name__ = f"search_{name}"
  mesh = _mesh_of(shapes)
  with jax.set_mesh(mesh) if mesh else contextlib.nullcontext():
    return compile_search(jax.jit(search).lower(*leaves))


def compile_search(lowered: Any) -> Any:
  """Compiles a search so that weights are multiplied where they lie.

  XLA merges products of one operand and lays their weights side by side for it,
  which copies gate and up; an option keeps it from that on GPUs, where its
  version has one.
  """
  try:
    return lowered.compile(OPTIONS.get(jax.default_backend()))
  except jax.errors.JaxRuntimeError as error:
    if "option" not in str(error):
      raise
    return lowered.compile()


def _name(model: Generator, beam: BeamSize, shapes: SearchInputs) -> str:
  # A module's text holds all of its sizes, parts and products, that of shapes
  # the formats of weights; the address of a function is another in every
  # process.
  mesh = _mesh_of(shapes)
  devices = [device.id for device in mesh.devices.flat] if mesh else []
  texts = repr(model), repr(jax.tree.flatten(shapes)), str(devices)
  texts = [re.sub(r" at 0x[0-9a-f]+", "", text) for text in texts]
  parts = [*texts, str(beam), *_world()]
  return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]


@functools.cache
def _world() -> tuple[str, ...]:
  """Everything else that a program depends on, one for each process."""
  device = jax.devices()[0]
  source = hashlib.sha256()
  package = pathlib.Path(gr_jax.__file__).parent
  for room in _TRACED:
    for file in sorted([package / room, *(package / room).rglob("*.py")]):
      source.update(file.read_bytes() if file.is_file() else b"")
  return (
    source.hexdigest(),
    jax.__version__,
    device.client.platform_version,
    device.device_kind,
    str(len(jax.devices())),
    os.environ.get("XLA_FLAGS", ""),
    _processor(),
  )


def _processor() -> str:
  """The processor, whose instructions a program is compiled for."""
  info = pathlib.Path("/proc/cpuinfo")
  lines = info.read_text().splitlines() if info.exists() else []
  flags = next((line for line in lines if line.startswith("flags")), "")
  return f"{platform.machine()} {platform.processor()} {flags}"


def _loaded(payload: bytes, inputs: SearchInputs, outputs: int) -> Callable:
  """A program that ran once: some damage shows only then."""
  leaves, mesh = jax.tree.leaves(inputs), _mesh_of(inputs)
  program = serialize_executable.deserialize_and_load(
    payload,
    jax.tree.structure(((0,) * len(leaves), {})),
    jax.tree.structure((0,) * outputs),
    execution_devices=list(mesh.devices.flat) if mesh else jax.devices()[:1],
  )
  jax.block_until_ready(program(*leaves))
  return program


def _read(
  path: pathlib.Path, inputs: SearchInputs, outputs: int
) -> Callable | None:
  try:
    return _loaded(read_private(path), inputs, outputs)
  except Exception:  # Cut off, of another machine or user: compile it.
    return None


def _write(
  path: pathlib.Path, program: Any, inputs: SearchInputs, outputs: int
) -> None:
  """Whole or not at all; without it only the next start takes longer."""
  with contextlib.suppress(Exception):
    payload, _, _ = serialize_executable.serialize(program)
    _loaded(payload, inputs, outputs)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    atomic.write_bytes(path, payload)
    path.chmod(0o600)
