"""What a compiled program moves: bytes of memory, and between devices.

Every instruction outside a fusion reads its operands and writes its result
once; inside one nothing leaves the chip. Where a fusion reads slices of an
array (the layers of a scan, the rows of a table), these are counted, not the
array, and where it updates a slice in place, the slice. Bodies of loops are
counted as often as they run, of a branch the cheapest side.

Not all of it reaches the memory: what the TPU's compiler put into its fast
memory does not, and what is smaller than a card's cache need not. `beyond`
counts only the rest, so that a time computed from it is never too long; of the
arguments that a cache could hold, all that it cannot hold together.

On the wire a device of `n` sends, as rings do, of an operand of `b` bytes

  all-reduce 2 b (n - 1) / n       all-gather b (n - 1)
  reduce-scatter, all-to-all b (n - 1) / n       collective-permute b
"""

import collections
import dataclasses
import math
import re
from collections.abc import Iterable

from tools.ahead import hlo
from tools.ahead.hlo import Array, Computation, Instruction, Module

_WIRE = {
  "all-reduce": lambda b, n: 2 * b * (n - 1) / n,
  "all-gather": lambda b, n: b * (n - 1),
  "reduce-scatter": lambda b, n: b * (n - 1) / n,
  "all-to-all": lambda b, n: b * (n - 1) / n,
  "collective-permute": lambda b, n: b,
}
# They name arrays, and move nothing.
_FREE = {
  "parameter", "constant", "tuple", "get-tuple-element", "bitcast", "while",
  "conditional", "call", "after-all", "partition-id", "replica-id", "domain",
  "opt-barrier", "iota", "add-dependency", "async-update",
}  # fmt: skip
# Through them a slice of the result is a slice of the operand.
_ELEMENTWISE = {"bitcast", "convert", "copy", "reshape", "transpose"}
_MESH = re.compile(r"replica_groups=mesh\[([^\]]*)\] *\{([^}]*)\}")
_IOTA = re.compile(r"replica_groups=\[\d+,(\d+)\]")
_LISTS = re.compile(r"replica_groups=\{\{([\d,]*)\}")


@dataclasses.dataclass
class Traffic:
  """What one run moves on one device.

  Attributes:
    bytes: read and written by all instructions.
    beyond: those of them that cannot stay on the chip.
    counts: collectives by kind.
    wire: bytes that they send, by kind.
    unknown: loops whose number of turns the text does not say; counted as one.
  """

  bytes: float = 0.0
  beyond: float = 0.0
  counts: collections.Counter = dataclasses.field(
    default_factory=collections.Counter
  )
  wire: collections.Counter = dataclasses.field(
    default_factory=collections.Counter
  )
  unknown: int = 0

  def add(self, other: "Traffic", times: int = 1) -> None:
    self.bytes += times * other.bytes
    self.beyond += times * other.beyond
    for kind, count in other.counts.items():
      self.counts[kind] += times * count
      self.wire[kind] += times * other.wire[kind]
    self.unknown += other.unknown


def traffic(module: Module, *, cache: float = 0.0) -> Traffic:
  """What a program moves.

  Args:
    module: the program.
    cache: arrays of at most so many bytes may never leave the chip.
  """
  counter = _Counter(module, cache)
  found = counter.of(module.entry)
  found.beyond += max(0.0, counter.small_arguments() - cache)
  return found


class _Counter:
  def __init__(self, module: Module, cache: float):
    self._module, self._cache = module, cache
    self._known: dict[str, Traffic] = {}

  def of(self, name: str) -> Traffic:
    if name not in self._known:
      total = Traffic()
      computation = self._module.computations[name]
      for instruction in computation.values():
        self._add(total, computation, instruction)
      self._known[name] = total
    return self._known[name]

  def small_arguments(self) -> float:
    """Bytes that are read of arguments that could stay in the cache.

    What loops and calls read of them is left out: it may be little.
    """
    entry = self._module.computations[self._module.entry]
    return sum(
      min(at.bytes, self._used(entry, at))
      for at in entry.values()
      if at.opcode == "parameter" and at.bytes <= self._cache
    )

  def _used(self, entry: Computation, source: Instruction) -> float:
    total = 0.0
    for user in hlo.users(entry, source.name):
      if user.opcode == "bitcast":
        total += self._used(entry, user)
      elif user.opcode == "fusion":
        inside = self._module.computations[user.called[0]]
        for index, name in enumerate(user.operands):
          if name == source.name:
            total += self._read(inside, index, source.arrays[0])
      elif user.opcode in ("dynamic-slice", "slice", "gather"):
        total += min(user.bytes, source.bytes)
      elif user.opcode not in _FREE:
        total += source.bytes
    return total

  def _add(
    self, total: Traffic, computation: Computation, at: Instruction
  ) -> None:
    if at.opcode == "while":
      turns = hlo.turns(self._module, at)
      total.unknown += turns is None
      total.add(self.of(at.attribute("body")), turns or 1)
    elif at.opcode == "conditional":
      sides = [self.of(name) for name in at.called]
      total.add(min(sides, key=lambda side: side.bytes))
    elif at.opcode in ("call", "async-start"):
      for name in at.called:
        total.add(self.of(name))
    elif at.opcode == "fusion":
      (name,) = at.called
      self._collectives_inside(total, name, at.name)
      self._move(total, self._fusion(computation, at, name))
    elif kind := _collective(at):
      self._communicate(total, computation, at, kind)
    elif at.opcode not in _FREE and not at.opcode.endswith("-done"):
      self._move(total, self._plain(computation, at))

  def _move(self, total: Traffic, moved: Iterable[tuple[float, Array]]) -> None:
    for size, array in moved:
      if array.in_memory:
        total.bytes += size
        total.beyond += size * (array.bytes > self._cache)

  def _communicate(
    self, total: Traffic, computation: Computation, at: Instruction, kind: str
  ) -> None:
    sent = sum(computation[name].bytes for name in at.operands)
    total.counts[kind] += 1
    total.wire[kind] += _WIRE[kind](sent, group_size(at))
    arrays = [a for name in at.operands for a in computation[name].arrays]
    self._move(total, [(2 * a.bytes, a) for a in arrays])

  def _collectives_inside(self, total: Traffic, name: str, fusion: str) -> None:
    """Those that XLA for TPU fuses with what makes or uses their operand."""
    inside = self._module.computations[name]
    for at in inside.values():
      if at.opcode == "fusion":
        self._collectives_inside(total, at.called[0], at.name)
      elif kind := _collective(at):
        # A sum of which each device keeps its part.
        if "all-reduce-scatter" in fusion:
          kind = "reduce-scatter"
        sent = sum(inside[operand].bytes for operand in at.operands)
        total.counts[kind] += 1
        total.wire[kind] += _WIRE[kind](sent, group_size(at))

  def _plain(self, computation: Computation, at: Instruction):
    """Bytes and arrays of an instruction that stands alone."""
    reads = [a for name in at.operands for a in computation[name].arrays]
    if at.opcode in ("dynamic-slice", "slice", "gather"):
      yield at.bytes, reads[0]
      yield at.bytes, at.arrays[0]
      return
    if at.opcode == "dynamic-update-slice":
      yield 2 * reads[1].bytes, at.arrays[0]
      return
    if at.opcode == "slice-start":
      # Its results are the operand, the slice and a token.
      operand, taken = at.arrays[:2]
      yield taken.bytes, operand
      yield taken.bytes, taken
      return
    if at.opcode == "copy-start":
      at = dataclasses.replace(at, arrays=at.arrays[:1])
    for array in reads:
      yield array.bytes, array
    for array in _results(at):
      yield array.bytes, array

  def _fusion(self, computation: Computation, at: Instruction, name: str):
    inside = self._module.computations[name]
    for index, operand in enumerate(at.operands):
      for array in computation[operand].arrays[:1]:
        yield self._read(inside, index, array), array
    outputs = hlo.root(inside)
    outputs = (
      [inside[each] for each in outputs.operands]
      if outputs.opcode == "tuple"
      else [outputs]
    )
    for array, output in zip(at.arrays, outputs):
      yield self._written(inside, output, array), array

  def _read(self, inside: Computation, index: int, array: Array) -> float:
    """Bytes of an operand of a fusion that are read; see the module."""
    elements = self._elements(inside, hlo.parameter(inside, index))
    if elements is None or not array.elements:
      return array.bytes
    return min(1.0, elements / array.elements) * array.bytes

  def _elements(self, inside: Computation, source: Instruction) -> float | None:
    """Elements that slices take of a value; None where all are read."""
    total = 0.0
    for user in hlo.users(inside, source.name):
      first = user.operands[0] == source.name
      if user.opcode in ("dynamic-slice", "slice", "gather") and first:
        total += user.arrays[0].elements
      elif user.opcode == "dynamic-update-slice" and first:
        continue
      elif user.opcode in _ELEMENTWISE:
        found = self._elements(inside, user)
        if found is None:
          return None
        total += found
      elif user.opcode == "fusion":
        nested = self._module.computations[user.called[0]]
        for index, name in enumerate(user.operands):
          if name == source.name:
            found = self._elements(nested, hlo.parameter(nested, index))
            if found is None:
              return None
            total += found
      else:
        return None
    # What nobody reads but the result is the result.
    return None if source.is_root else total

  def _written(
    self, inside: Computation, output: Instruction, array: Array
  ) -> float:
    while output.opcode in _ELEMENTWISE:
      output = inside[output.operands[0]]
    if output.opcode == "dynamic-update-slice":
      update = inside[output.operands[1]].arrays[0]
      share = update.elements / max(output.arrays[0].elements, 1)
      return share * array.bytes
    return array.bytes


def _results(at: Instruction) -> tuple[Array, ...]:
  if at.opcode == "custom-call" and "__cu" in at.attribute(
    "custom_call_target"
  ):
    return at.arrays[:1]  # The others are room to work in.
  return at.arrays


def _collective(at: Instruction) -> str:
  kind = at.opcode.removesuffix("-start")
  return kind if kind in _WIRE else ""


def group_size(at: Instruction) -> int:
  """The number of devices that a collective joins."""
  if found := _MESH.search(at.rest):
    sizes = dict(re.findall(r"'?(\w+)'?=(\d+)", found[1]))
    # An axis may be split: 'axis':(inner)size.
    parts = re.findall(r"'?(\w+)'?(?::\(\d+\)(\d+))?", found[2])
    return math.prod(int(part or sizes[name]) for name, part in parts)
  if found := _IOTA.search(at.rest):
    return int(found[1])
  if found := _LISTS.search(at.rest):
    return len(found[1].split(","))
  return 1
