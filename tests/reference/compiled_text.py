"""What a compiled program gathers and calls, read from its own text."""

import re
from collections.abc import Iterator
from typing import NamedTuple

import jax
import numpy as np

from gr_jax.parallel.mesh import FSDP, MODEL

HOST = re.compile(
  r'custom_call_target="\w*callback|'
  r" (infeed|outfeed|send|recv|send-done|recv-done)\("
)
GATHER = re.compile(r"%(\S+) = (.*?) all-gather(?:-start)?\(.*")
SHAPE = re.compile(r"\w+\[([\d,]+)\]")
OP_NAME = re.compile(r'op_name="([^"]*)"')
# The devices that gather from each other, in the three forms of the compiler.
NUMBERS = r"\[([\d,]+)\](?:T\(([\d,]+)\))?"
LISTED = re.compile(r"replica_groups=\{\{([\d,]+)\}")
TILED = re.compile(rf"replica_groups=\[\d+,(\d+)\]<={NUMBERS}")
NAMED = re.compile(
  r"replica_groups=mesh\[(.*?)\],?"
  rf"(?: device_ids=\({NUMBERS}\))? \{{(.*?)\}}"
)


class Gather(NamedTuple):
  """An array that devices gather, and the operations that want it."""

  shape: tuple[int, ...]
  ops: frozenset[str]
  axes: frozenset[str]


def numbers(text: str) -> list[int]:
  return [int(number) for number in text.split(",")]


def spread(sizes: str, order: str | None) -> np.ndarray:
  """Device numbers as `[4,2]T(1,0)` lays them out."""
  shape = numbers(sizes)
  devices = np.arange(np.prod(shape)).reshape(shape)
  return devices.transpose(numbers(order)) if order else devices


def first_group(line: str) -> np.ndarray:
  """The devices of the first group of a collective."""
  if found := LISTED.search(line):
    return np.array(numbers(found[1]))
  if found := TILED.search(line):
    return spread(found[2], found[3]).reshape(-1)[: int(found[1])]
  found = NAMED.search(line)
  assert found, line
  pairs = [pair.split("=") for pair in found[1].split(",")]
  names, sizes = [pair[0] for pair in pairs], [int(pair[1]) for pair in pairs]
  everyone = found[2] or str(np.prod(sizes))
  devices = spread(everyone, found[3]).reshape(sizes)
  together = [each in found[4].split(",") for each in names]
  return devices[tuple(slice(None) if there else 0 for there in together)]


def wanted_by(lines: list[str], line: str) -> frozenset[str]:
  """The names of the operations that an array is gathered for.

  jax 0.12 gathers an argument once, under its own name, for all who read it.
  """
  found = OP_NAME.search(line)
  if found is None or found[1].startswith("jit("):
    return frozenset({found[1] if found else ""})
  own = f"%{GATHER.search(line)[1]}"
  reads = re.compile(rf"[( ]{re.escape(own)}[,)]")
  names = [OP_NAME.search(each) for each in lines if reads.search(each)]
  return frozenset(name[1] if name else "" for name in names)


def gathers(text: str, mesh) -> Iterator[Gather]:
  lines = text.splitlines()
  for line in lines:
    if found := GATHER.search(line):
      places = np.unravel_index(first_group(line), tuple(mesh.shape.values()))
      axes = frozenset(
        name for name, at in zip(mesh.axis_names, places) if np.ptp(at)
      )
      ops = wanted_by(lines, line)
      for sizes in SHAPE.findall(found[2]):
        yield Gather(tuple(numbers(sizes)), ops, axes)


def one_layer(array, sharding) -> tuple[tuple[int, ...], tuple]:
  """Shape and axes of a parameter, of one layer where they are stacked."""
  spec = (*sharding.spec, *(None,) * (array.ndim - len(sharding.spec)))
  stacked = array.ndim == 3
  return array.shape[stacked:], spec[stacked:]


def whole_over(axis: str, array, sharding, mesh) -> set[tuple[int, ...]]:
  """Shapes of a parameter with nothing left to split along a mesh axis."""
  shape, spec = one_layer(array, sharding)
  if axis not in spec:
    return set()
  local = tuple(
    size if there in (None, axis) else size // mesh.shape[there]
    for size, there in zip(shape, spec)
  )
  return {each[::way] for each in (shape, local) for way in (1, -1)}


def check(text: str, params, mesh, *, network: str) -> int:
  """Holds a program against the laws; the number of parameters gathered.

  `network` is part of the names of all operations that may want some.
  """
  assert not HOST.search(text)
  count = 0
  for gather in gathers(text, mesh):
    for array in jax.tree.leaves(params):
      whole = {
        axis: gather.shape in whole_over(axis, array, array.sharding, mesh)
        for axis in gather.axes & {MODEL, FSDP}
      }
      assert not whole.get(MODEL), gather
      if whole.get(FSDP):
        assert all(network in op for op in gather.ops), gather
        count += 1
  return count
