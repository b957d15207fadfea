"""Which programs have a row on which target, and which do not fit there."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from gr_jax.evaluation.report.text_table import markdown
from tools.ahead.rows import Row

_NONE = "-"


def coverage(
  rows: Mapping[str, Mapping[str, Mapping[str, Row]]],
  kinds: Mapping[str, Mapping[str, Sequence[str]]],
) -> str:
  """A table of recipes by targets.

  A cell is "all" where every program has a row, else the programs that have
  one; then those that do not fit, and those that no compiler took. "-" is for
  no row, empty for a recipe that has no programs for the target.

  Args:
    rows: `{recipe: {program: {target: figures}}}`.
    kinds: the programs that there are, `{recipe: {target: programs}}`.
  """
  targets = list(dict.fromkeys(t for each in kinds.values() for t in each))
  lines = [("recipe", *targets)]
  for recipe, by_target in kinds.items():
    found = rows.get(recipe, {})
    cells = [
      _cell(found, target, by_target.get(target, ())) for target in targets
    ]
    lines.append((recipe, *cells))
  return markdown(lines)


def _cell(
  found: Mapping[str, Mapping[str, Row]], target: str, kinds: Sequence[str]
) -> str:
  there = {k: found[k][target] for k in kinds if target in found.get(k, {})}
  if not there:
    return _NONE if kinds else ""
  short = [kind for kind, row in there.items() if row.get("fits") is False]
  failed = [kind for kind, row in there.items() if "error" in row]
  parts = ["all" if len(there) == len(kinds) else _named(list(there))]
  parts += [f"NO: {_named(short)}"] if short else []
  parts += [f"failed: {_named(failed)}"] if failed else []
  return "; ".join(parts)


def _named(kinds: Sequence[str]) -> str:
  """Programs by their first words, with their number where it is not one."""
  counts = Counter(kind.partition(",")[0] for kind in kinds)
  return ", ".join(
    kind if count == 1 else f"{count} {kind}" for kind, count in counts.items()
  )


def commits(rows: Mapping[str, Mapping[str, Mapping[str, Row]]]) -> Counter:
  """The number of rows that each commit compiled."""
  return Counter(
    row["commit"]
    for by_kind in rows.values()
    for by_target in by_kind.values()
    for row in by_target.values()
    if "commit" in row
  )


def said(found: Mapping[str, Any]) -> str:
  """A sentence about the commits of `commits`."""
  each = [f"{count} at {commit}" for commit, count in found.items()]
  return f"Rows were compiled at these commits: {', '.join(each)}."
