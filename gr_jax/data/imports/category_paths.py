"""Category paths as people write them: ">", "|", "/", lists, or one name."""

from typing import NamedTuple

import polars as pl

from gr_jax.data.catalogue import PATH_SEPARATOR
from gr_jax.data.imports.checked_table import LIST_SEPARATOR

NONE = "none"
"""The separator that splits nothing."""

_ANYWHERE = (">", "|")
_SLASH = r"[^/\s][^/]*/\s*[^/\s]"


class Paths(NamedTuple):
  """What `read_paths` found: paths `[n]` "a > b", and notes."""

  paths: pl.Series
  notes: list[str]


def read_paths(column: pl.Series, separator: str = "") -> Paths:
  """Writes categories `[n]` as paths "a > b > c".

  Lists are paths, and their parts are not split again. Text is split at the
  separator; "" decides it by the column: ">" where any category has one, else
  "|", else "/" where most have one between two names. A name keeps no " > ",
  which would be two: it becomes " / ".

  Args:
    column: The categories, null where unknown.
    separator: The text between two names; `NONE` for categories that are no
      paths.
  """
  known = column.drop_nulls()
  notes = []
  if known.str.contains(LIST_SEPARATOR, literal=True).any():
    separator = LIST_SEPARATOR
  elif not separator:
    separator, notes = _decided(known)
  names = pl.concat_list("c")
  if separator != NONE:
    names = pl.col("c").str.split(separator.strip() or separator)
  one = pl.element().str.strip_chars()
  one = one.str.replace_all(PATH_SEPARATOR, " / ", literal=True)
  names = names.list.eval(one.filter(one != ""))
  paths = column.to_frame("c").select(
    c=names.list.join(PATH_SEPARATOR).replace("", None)
  )["c"]
  return Paths(paths.alias(column.name), notes)


def _decided(known: pl.Series) -> tuple[str, list[str]]:
  for mark in _ANYWHERE:
    with_mark = int(known.str.contains(mark, literal=True).sum())
    if with_mark:
      return mark, [
        f"{with_mark:,} of {known.len():,} categories are paths, split at "
        f"{mark!r} (--category_separator={NONE} leaves them whole)."
      ]
  slashed = known.str.contains(_SLASH)
  n = int(slashed.sum())
  if n * 2 > known.len():
    return "/", [
      f"{n:,} of {known.len():,} categories are paths, split at '/' "
      f"(--category_separator={NONE} leaves them whole)."
    ]
  if n:
    return NONE, [
      f"{n:,} of {known.len():,} categories have a '/' "
      f"({known.filter(slashed)[0]!r}) and are one name each; "
      "--category_separator=/ splits them."
    ]
  return NONE, []
