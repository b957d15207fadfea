"""Category paths as people write them: ">", "|", "/", lists, or one name."""

from typing import NamedTuple

import polars as pl

from gr_jax.data.catalogue import PATH_SEPARATOR
from gr_jax.data.imports.checked_table import LIST_SEPARATOR

NONE = "none"
"""The separator that splits nothing."""

# The last are guillemets, as web pages have them between names.
_ANYWHERE = (">", "|", "\u203a", "\u00bb", "::")
_MOSTLY = ("/", ";")


class Paths(NamedTuple):
  """What `read_paths` found: paths `[n]` "a > b", and notes."""

  paths: pl.Series
  notes: list[str]


def read_paths(column: pl.Series, separator: str = "") -> Paths:
  """Writes categories `[n]` as paths "a > b > c".

  Lists are paths, and their parts are not split again. Text is split at the
  separator; "" decides it by the column: ">", "|", a guillemet or "::" where
  any category has one, else "/" or ";" where most have one between two names.
  A name keeps no " > ", which would be two: it becomes " / ".

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
      return mark, [_split_note(with_mark, known, mark)]
  notes = []
  for mark in _MOSTLY:
    form = rf"[^{mark}\s][^{mark}]*{mark}\s*[^{mark}\s]"
    with_mark = known.filter(known.str.contains(form))
    n = with_mark.len()
    if n * 2 > known.len():
      return mark, [_split_note(n, known, mark)]
    if n:
      notes.append(
        f"{n:,} of {known.len():,} categories have a {mark!r} "
        f"({with_mark[0]!r}) and are one name each; "
        f"--category_separator='{mark}' splits them."
      )
  return NONE, notes


def _split_note(n: int, known: pl.Series, mark: str) -> str:
  return (
    f"{n:,} of {known.len():,} categories are paths, split at {mark!r} "
    f"(--category_separator={NONE} leaves them whole)."
  )
