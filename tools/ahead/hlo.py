"""The text of a compiled program, as computations and instructions.

XLA prints one instruction a line, `%name = type opcode(%operand, ...), key=..`.
A type is an array, `bf16[32,128]{1,0:T(8,128)S(1)}` with the memory space that
it lies in as `S(n)`, or a tuple of them.
"""

import dataclasses
import math
import re
from collections.abc import Mapping, Sequence

_COMPUTATION = re.compile(r"^(?P<entry>ENTRY )?%?(?P<name>[\w.\-]+) .*\{$")
_INSTRUCTION = re.compile(r"^\s+(?P<root>ROOT )?%?(?P<name>[\w.\-]+) = ")
_ARRAY = re.compile(r"\b([a-z]+\d*[a-z\d]*)\[([\d,]*)\](?:\{([^}]*)\})?")
_SPACE = re.compile(r"S\((\d+)\)")
_COMMENT = re.compile(r"/\*.*?\*/")
_BITS = re.compile(r"\D+(\d+)")
_CALLED = re.compile(
  r"(?:calls|to_apply|body|condition|branch_computations|"
  r"true_computation|false_computation)=\{?%?([\w.\-]+(?:, *%[\w.\-]+)*)"
)
_HBM, _HOST = 0, 5


@dataclasses.dataclass(frozen=True)
class Array:
  """One array of a type.

  Attributes:
    type: the element type, "bf16".
    elements: their number.
    space: the memory that it lies in; 0 is the device's main memory.
  """

  type: str
  elements: int
  space: int = _HBM

  @property
  def bytes(self) -> float:
    if self.type == "pred":
      return self.elements
    bits = _BITS.match(self.type)
    # Tokens and keys have no size.
    return self.elements * int(bits[1]) / 8 if bits else 0

  @property
  def in_memory(self) -> bool:
    return self.space in (_HBM, _HOST)


@dataclasses.dataclass(frozen=True)
class Instruction:
  """One line.

  Attributes:
    name: without the percent sign.
    arrays: those of its type; of a tuple all of them.
    opcode: as XLA writes it, "all-gather-start".
    operands: the names of the instructions that it reads.
    rest: what stands behind them; of a constant its value too.
    is_root: whether it is the computation's result.
  """

  name: str
  arrays: tuple[Array, ...]
  opcode: str
  operands: tuple[str, ...]
  rest: str
  is_root: bool = False

  @property
  def bytes(self) -> float:
    return sum(array.bytes for array in self.arrays)

  def attribute(self, key: str) -> str:
    """The value of `key=value` up to the next blank or comma; "" without."""
    found = re.search(rf"\b{key}=%?([^\s,]+)", self.rest)
    return found[1] if found else ""

  @property
  def called(self) -> tuple[str, ...]:
    """The computations that it runs."""
    return tuple(
      name.strip(" %")
      for names in _CALLED.findall(self.rest)
      for name in names.split(",")
    )


Computation = Mapping[str, Instruction]


@dataclasses.dataclass(frozen=True)
class Module:
  """A program.

  Attributes:
    computations: by name, instructions by name and in order.
    entry: the name of the first.
  """

  computations: Mapping[str, Computation]
  entry: str


def parse(text: str) -> Module:
  """The program of `compiled.as_text()`.

  Raises:
    ValueError: the text has no entry.
  """
  computations: dict[str, dict[str, Instruction]] = {}
  entry, current = "", None
  for line in text.splitlines():
    if head := _COMPUTATION.match(line):
      current = computations.setdefault(head["name"], {})
      entry = head["name"] if head["entry"] else entry
    # A kernel's own notes may go over several lines: "}}, metadata=...".
    elif line == "}" or line.startswith("}, "):
      current = None
    elif current is not None and (found := _INSTRUCTION.match(line)):
      current[found["name"]] = _instruction(found, line)
  if not entry:
    raise ValueError("the text is no HLO module: it has no ENTRY.")
  return Module(computations, entry)


def _instruction(found: re.Match, line: str) -> Instruction:
  body = _COMMENT.sub("", line[found.end() :])
  end = _closing(body) if body.startswith("(") else body.index(" ")
  type_, body = body[:end], body[end:].lstrip()
  opcode, _, body = body.partition("(")
  end = _closing("(" + body) - 1
  arguments, rest = body[: end - 1], body[end:]
  if opcode in ("constant", "parameter"):
    operands, rest = (), f"({arguments}){rest}"
  else:
    operands = tuple(re.findall(r"%([\w.\-]+)", arguments))
  return Instruction(
    found["name"],
    tuple(_arrays(type_)),
    opcode,
    operands,
    rest,
    bool(found["root"]),
  )


def _closing(text: str) -> int:
  """The place behind the bracket that closes the first one."""
  depth = 0
  for at, letter in enumerate(text):
    depth += (letter == "(") - (letter == ")")
    if not depth:
      return at + 1
  return len(text)


def _arrays(type_: str):
  for kind, sizes, layout in _ARRAY.findall(type_):
    space = _SPACE.search(layout)
    dims = [int(size) for size in sizes.split(",") if size]
    yield Array(kind, math.prod(dims), int(space[1]) if space else _HBM)


def root(computation: Computation) -> Instruction:
  """The instruction whose value is the computation's."""
  return next(each for each in computation.values() if each.is_root)


def parameter(computation: Computation, index: int) -> Instruction:
  """The parameter of that number."""
  return next(
    each
    for each in computation.values()
    if each.opcode == "parameter" and each.rest.startswith(f"({index})")
  )


def turns(module: Module, loop: Instruction) -> int | None:
  """How often the body of a `while` runs; None where it cannot be seen.

  XLA for GPU notes it. Elsewhere the condition is read, `i < n`, and the body's
  `i + step`; `i` starts at 0, as in JAX's scans and in XLA's windowed products.
  """
  if noted := re.search(r'known_trip_count":\{"n":"(\d+)"', loop.rest):
    return int(noted[1])
  condition = module.computations[loop.attribute("condition")]
  body = module.computations[loop.attribute("body")]
  test = root(condition)
  if test.opcode != "compare" or test.attribute("direction") != "LT":
    return None
  counter, bound = (condition[name] for name in test.operands)
  last = _constant(bound)
  if last is None or counter.opcode != "get-tuple-element":
    return None
  step = _step(body, int(counter.attribute("index")))
  return -(-last // step)


def _constant(instruction: Instruction) -> int | None:
  value = re.match(r"\((\d+)\)", instruction.rest)
  return int(value[1]) if instruction.opcode == "constant" and value else None


def _step(body: Computation, index: int) -> int:
  """What a turn adds to an element of the loop's state; 1 if unclear."""
  final = root(body)
  if final.opcode != "tuple":
    return 1
  step, at = 0, body[final.operands[index]]
  while at.opcode in ("add", "copy", "bitcast"):
    numbers = [_constant(body[name]) for name in at.operands]
    step += sum(number or 0 for number in numbers)
    names = [n for n, x in zip(at.operands, numbers) if x is None]
    if len(names) != 1:
      break
    at = body[names[0]]
  return step or 1


def users(computation: Computation, name: str) -> Sequence[Instruction]:
  """The instructions that read one."""
  return [each for each in computation.values() if name in each.operands]
