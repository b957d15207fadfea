"""Several files as one table: parts one after another, others by a key."""

import dataclasses
import itertools
from collections.abc import Sequence

import polars as pl

from gr_jax.data.imports.checked_table import CheckedTable

# Parts whose rows may lack columns share most of them.
_MOST = 0.5


def group_parts(tables: Sequence[CheckedTable]) -> list[list[CheckedTable]]:
  """Groups the tables that are parts of one, in the order of the first.

  Parts have the same columns; where rows need not have all of them, as in JSON
  Lines, most of them.
  """
  groups: list[list[CheckedTable]] = []
  for table in tables:
    for group in groups:
      if _are_parts(group[0], table):
        group.append(table)
        break
    else:
      groups.append([table])
  return groups


def shared_columns(groups: Sequence[Sequence[CheckedTable]]) -> set[str]:
  """The columns that two tables have which are no parts of one."""
  found = [{c for table in group for c in table.columns} for group in groups]
  pairs = itertools.combinations(found, 2)
  return set().union(*(a & b for a, b in pairs))


def combine(
  groups: Sequence[Sequence[CheckedTable]], keys: Sequence[str]
) -> CheckedTable:
  """Makes one table of the tables of several files.

  Parts come one after another. The other files are joined to the first on the
  columns that they share with it or with what is joined already: every row of
  the one gets the fields of the row of the other that has its key, and the
  other has every key once. If only the first has, it is the one that gives its
  fields: orders, then the lines of the orders.

  Args:
    groups: The tables, grouped by `group_parts`, with all `shared_columns`.
    keys: The columns that may join two files; () where they share one.

  Raises:
    ValueError: a key is missing, ambiguous or there twice, or never met.
  """
  whole, *others = map(concatenate, groups)
  while others:
    near = [bool(set(t.columns) & set(whole.columns)) for t in others]
    if not any(near):
      columns = ", ".join(others[0].columns)
      raise ValueError(
        f"{others[0].file} shares no column with {whole.file}: it has "
        f"{columns}; the other has {', '.join(whole.columns)}. Rename its key."
      )
    whole = join(whole, others.pop(near.index(True)), keys)
  return whole


def concatenate(tables: Sequence[CheckedTable]) -> CheckedTable:
  """Puts tables of the same columns one after another; `row` counts on."""
  if len(tables) == 1:
    return tables[0]
  frames, parts, before = [], [], 0
  for table in tables:
    frames.append(table.frame.with_columns(pl.col("row") + before))
    parts.append((table.file, before))
    rows = pl.concat([table.frame["row"], table.rejects["row"]])
    before += int(rows.to_numpy().max(initial=0))
  return dataclasses.replace(
    tables[0],
    file=f"{tables[0].file} + {len(tables) - 1}",
    # Parts may have a column that others have not, as keys of JSON Lines.
    frame=pl.concat(_same_types(frames), how="diagonal"),
    rejects=pl.concat([table.rejects for table in tables]),
    rows_read=sum(table.rows_read for table in tables),
    columns=tuple(dict.fromkeys(c for t in tables for c in t.columns)),
    notes=tuple(note for table in tables for note in table.notes),
    parts=tuple(parts),
  )


def join(
  left: CheckedTable, right: CheckedTable, keys: Sequence[str]
) -> CheckedTable:
  """Adds the columns of one table to the rows of the other, see `combine`."""
  shared = [name for name in left.columns if name in right.columns]
  on = [name for name in shared if not keys or name in keys]
  if len(on) != 1 and not keys:
    raise ValueError(
      f"{left.file} and {right.file} share the columns {', '.join(on)}: name "
      f"the key of the two, --join={on[0]}."
    )
  if not on:
    raise ValueError(
      f"{left.file} and {right.file} share {', '.join(shared)}, and --join="
      f"{','.join(keys)} names none of them."
    )
  if not _is_unique(right, on) and _is_unique(left, on):
    left, right = right, left
  if not _is_unique(right, on):
    raise ValueError(_doubled(right, on))
  added = [name for name in right.frame.columns if name not in left.columns]
  added = [name for name in added if name != "row"]
  known = right.frame.drop_nulls(on).select(*on, *added, joined=True)
  first, known = _same_types([left.frame, known])
  frame = first.join(known, on=on, how="left", maintain_order="left")
  alone = frame.filter(pl.col("joined").is_null())
  if alone.height == frame.height and frame.height:
    raise ValueError(
      f"No row of {left.file} finds its {' and '.join(on)} in {right.file}: "
      f"the one has {_example(left, on)}, the other {_example(right, on)}."
    )
  joined = f"{left.file} is joined with {right.file} on {' and '.join(on)}."
  note = (
    f"{left.file}: {alone.height:,} rows have a {' and '.join(on)} that "
    f"{right.file} has not (first in row {alone['row'].min()}); what it would "
    "add is empty."
  )
  return dataclasses.replace(
    left,
    frame=frame.drop("joined"),
    rejects=pl.concat([left.rejects, right.rejects]),
    columns=tuple(dict.fromkeys((*left.columns, *right.columns))),
    notes=(*left.notes, *right.notes),
  ).note(joined, note if alone.height else "")


def _same_types(frames: Sequence[pl.DataFrame]) -> list[pl.DataFrame]:
  """Makes a column numbers of words in all frames where it is in one."""
  words = {
    name: dtype
    for frame in frames
    for name, dtype in frame.schema.items()
    if isinstance(dtype, pl.Categorical)
  }
  return [
    frame.cast({name: words[name] for name in words if name in frame.columns})
    for frame in frames
  ]


def _are_parts(a: CheckedTable, b: CheckedTable) -> bool:
  first, second = set(a.columns), set(b.columns)
  if not (a.ragged and b.ragged):
    return first == second
  return len(first & second) > _MOST * len(first | second)


def _is_unique(table: CheckedTable, on: list[str]) -> bool:
  return not table.frame.select(on).drop_nulls().is_duplicated().any()


def _doubled(table: CheckedTable, on: list[str]) -> str:
  frame = table.frame.drop_nulls(on)
  again = frame.filter(frame.select(on).is_duplicated())
  first = again.select(on).row(0)
  rows = again.filter(
    pl.all_horizontal(pl.col(n) == v for n, v in zip(on, first))
  )["row"]
  value = " ".join(map(repr, first))
  return (
    f"{table.file} has {' and '.join(on)} {value} in rows {rows[0]} and "
    f"{rows[1]}; of two files that are joined one has every key once."
  )


def _example(table: CheckedTable, on: list[str]) -> str:
  rows = table.frame.select(on).drop_nulls()
  return " ".join(map(repr, rows.row(0))) if rows.height else "none"
