"""Mutants of a Python file: one small wrong change each.

| operator | change |
|---|---|
| compare | `<` to `<=`, `==` to `!=`, `in` to `not in`, ... |
| arithmetic | `+` to `-`, `*` to `/`, `//` to `*`, `+=` to `-=`, ... |
| constant | an integer n to n + 1 |
| extreme | `min` to `max`, `argmin` to `argmax`, ... |
| logic | `and` to `or`, `&` to `|` |
| boolean | True to False |
| axis | `axis=0` and `axis=-2` to `axis=-1`, any other to `axis=0` |
| term | `a + b` to `a`; the same for `-`, `*`, `/`, `&`, `|`, `and`, `or` |
| negation | `-a`, `~a`, `not a` to `a` |
| keyword | a call without one of its keywords `where`, `*mask`, `axis`, ... |
| argument | `f(a, ...)` to `a`, for the functions of `_UNARY` |
| choice | `where(c, a, b)` and `a if c else b` to `a`, or to `b` |

Left out are annotations, defaults, decorators, class and module constants
(settings, not laws) and the text of errors.
"""

import ast
import dataclasses
import random
from collections.abc import Iterator, Sequence

_COMPARE = {
  ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt,
  ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.In: ast.NotIn, ast.NotIn: ast.In,
  ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip
_ARITHMETIC = {
  ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult,
  ast.FloorDiv: ast.Mult, ast.Mod: ast.FloorDiv,
}  # fmt: skip
_BITS = {ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd}
_LOGIC = {ast.And: ast.Or, ast.Or: ast.And}
_EXTREMES = {
  "min": "max", "minimum": "maximum", "argmin": "argmax", "amin": "amax",
}  # fmt: skip
_EXTREMES |= {value: key for key, value in _EXTREMES.items()}
_KEYWORDS = {"where", "mask", "axis", "weights", "exclude", "initial", "side"}
_UNARY = {
  "abs", "any", "all", "argsort", "clip", "cumsum", "exp", "expm1", "flip",
  "log", "log1p", "log_softmax", "logsumexp", "max", "maximum", "mean", "min",
  "minimum", "prod", "repeat", "reversed", "roll", "sigmoid", "softmax",
  "sort", "sorted", "sqrt", "square", "stop_gradient", "sum", "tile",
  "transpose", "unique",
}  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Mutant:
  """One change: `before` at byte `offset` of `file` becomes `after`."""

  file: str
  line: int
  offset: int
  operator: str
  before: str
  after: str

  def apply(self, source: str) -> str:
    """Returns the source with the change.

    Raises:
      ValueError: `before` does not stand at `offset`.
    """
    data, before = source.encode(), self.before.encode()
    end = self.offset + len(before)
    if data[self.offset : end] != before:
      raise ValueError(
        f"{self.file}:{self.line}: expected {self.before!r}; "
        "the file is another one than the mutant was made from"
      )
    return (data[: self.offset] + self.after.encode() + data[end:]).decode()


def by_hand(file: str, source: str, before: str, after: str) -> Mutant:
  """The mutant that replaces the only `before` of a file.

  Raises:
    ValueError: `before` is not there exactly once.
  """
  if source.count(before) != 1:
    count = source.count(before)
    raise ValueError(f"{file}: {before!r} stands {count} times, not once")
  offset = len(source[: source.index(before)].encode())
  line = source[: source.index(before)].count("\n") + 1
  return Mutant(file, line, offset, "by hand", before, after)


def mutants(file: str, source: str) -> list[Mutant]:
  """All mutants of a file, in its order, each once."""
  starts = [0]
  for line in source.encode().splitlines(keepends=True):
    starts.append(starts[-1] + len(line))
  data = source.encode()
  found = {}
  for node in _law_nodes(ast.parse(source)):
    for operator, new in _changes(node):
      start = starts[node.lineno - 1] + node.col_offset
      end = starts[node.end_lineno - 1] + node.end_col_offset
      before = data[start:end].decode()
      after = ast.unparse(new)
      if operator not in ("constant", "boolean") and isinstance(new, ast.expr):
        after = f"({after})"
      mutant = Mutant(file, node.lineno, start, operator, before, after)
      found.setdefault((start, end, after), mutant)
  return sorted(found.values(), key=lambda m: (m.offset, m.operator, m.after))


def sample(found: Sequence[Mutant], *, count: int, seed: int) -> list[Mutant]:
  """Draws mutants, one of each operator in turn.

  A larger `count` goes on where a smaller one ended.
  """
  draw = random.Random(seed)
  by_operator: dict[str, list[Mutant]] = {}
  for mutant in found:
    by_operator.setdefault(mutant.operator, []).append(mutant)
  for some in by_operator.values():
    draw.shuffle(some)
  turns = max(map(len, by_operator.values()), default=0)
  order = [
    by_operator[name][turn]
    for turn in range(turns)
    for name in sorted(by_operator)
    if turn < len(by_operator[name])
  ]
  return order[:count]


def _law_nodes(node: ast.AST, *, inside: bool = False) -> Iterator[ast.AST]:
  """The nodes of function bodies that compute."""
  if isinstance(node, ast.Raise | ast.JoinedStr | ast.Lambda):
    if isinstance(node, ast.Lambda):
      yield from _law_nodes(node.body, inside=inside)
    return
  if isinstance(node, ast.FunctionDef):
    for statement in node.body:
      yield from _law_nodes(statement, inside=True)
    return
  if inside:
    yield node
  for name, value in ast.iter_fields(node):
    if name in ("annotation", "returns", "decorator_list"):
      continue
    for child in value if isinstance(value, list) else [value]:
      if isinstance(child, ast.AST):
        yield from _law_nodes(child, inside=inside)


def _changes(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
  """The operators that apply to a node, and what it becomes."""
  match node:
    case ast.Compare(left=left, ops=[op], comparators=right):
      yield "compare", ast.Compare(left, [_COMPARE[type(op)]()], right)
    case ast.BinOp(left=left, op=op, right=right):
      if type(op) in _ARITHMETIC:
        new = _ARITHMETIC[type(op)]()
        yield "arithmetic", ast.BinOp(left, new, right)
      if type(op) in _BITS:
        yield "logic", ast.BinOp(left, _BITS[type(op)](), right)
      if type(op) in _BITS or isinstance(
        op, ast.Add | ast.Sub | ast.Mult | ast.Div
      ):
        yield "term", left
    case ast.AugAssign(target=target, op=op, value=value):
      if type(op) in _ARITHMETIC:
        new = _ARITHMETIC[type(op)]()
        yield "arithmetic", ast.AugAssign(target, new, value)
    case ast.BoolOp(op=op, values=values):
      yield "logic", ast.BoolOp(_LOGIC[type(op)](), values)
      yield "term", values[0]
    case ast.UnaryOp(op=ast.USub() | ast.Invert() | ast.Not(), operand=value):
      if not isinstance(value, ast.Constant):
        yield "negation", value
    case ast.IfExp(body=body, orelse=orelse):
      yield "choice", body
      yield "choice", orelse
    case ast.Constant(value=bool() as value):
      yield "boolean", ast.Constant(not value)
    case ast.Constant(value=int() as value):
      yield "constant", ast.Constant(value + 1)
    case ast.Call():
      yield from _call_changes(node)


def _call_changes(node: ast.Call) -> Iterator[tuple[str, ast.AST]]:
  func, args = node.func, node.args
  if isinstance(func, ast.Attribute):
    name = func.attr
    whole = isinstance(func.value, ast.Name | ast.Attribute)
    module = whole and ast.unparse(func.value) in (
      "np", "jnp", "jax.nn", "jax.lax", "jax.scipy.special", "math",
    )  # fmt: skip
  else:
    name, module = getattr(func, "id", ""), True
  if name in _EXTREMES:
    new = _EXTREMES[name]
    new_func = (
      ast.Attribute(func.value, new)
      if isinstance(func, ast.Attribute)
      else ast.Name(new)
    )
    yield "extreme", ast.Call(new_func, args, node.keywords)
  if name == "where" and len(args) == 3:
    yield "choice", args[1]
    yield "choice", args[2]
  if name in _UNARY:
    first = args[:1] if module else [func.value]
    if first and not isinstance(first[0], ast.Starred | ast.GeneratorExp):
      yield "argument", first[0]
  for i, keyword in enumerate(node.keywords):
    rest = node.keywords[:i] + node.keywords[i + 1 :]
    if keyword.arg == "axis":
      zero = ast.unparse(keyword.value) in ("0", "-2")
      axis = ast.keyword("axis", ast.Constant(-1 if zero else 0))
      keywords = [*node.keywords[:i], axis, *node.keywords[i + 1 :]]
      yield "axis", ast.Call(func, args, keywords)
    if keyword.arg and (
      keyword.arg in _KEYWORDS or keyword.arg.endswith("mask")
    ):
      yield "keyword", ast.Call(func, args, rest)
