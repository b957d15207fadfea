"""Why the items of events are not those of the catalogue."""

import polars as pl

_MOST_SHOWN = 60


def _same(ids: pl.Series) -> pl.Series:
  return ids


def _without_zeros(ids: pl.Series) -> pl.Series:
  return ids.str.replace(r"^0+([^0]|0$)", "${1}")


def _without_prefix(ids: pl.Series) -> pl.Series:
  return ids.str.replace(r"^(.*[/:_#|.\- ]|\D+)", "")


# What ids differ by, both without it, and the remedy.
_FORMS = (
  (
    "leading zeros",
    (_without_zeros, _without_zeros),
    "they were lost where one file was read as numbers: write both as text",
  ),
  (
    "'.0' at the end",
    (lambda ids: ids.str.replace(r"\.0+$", ""),) * 2,
    "one file was written from decimal numbers: write whole numbers or text",
  ),
  (
    "upper and lower case",
    (lambda ids: ids.str.to_lowercase(),) * 2,
    "write both in one case",
  ),
  (
    "a prefix",
    (_without_prefix, _same),
    "remove it from the events, or add it to the items",
  ),
  (
    "a prefix",
    (_same, _without_prefix),
    "remove it from the items, or add it to the events",
  ),
)


def id_hint(unknown: pl.Series, known: pl.Series) -> str:
  """Says how unknown ids differ from known ones, where most do so alike.

  Args:
    unknown: Ids of items that the catalogue does not have.
    known: Ids of the catalogue.

  Returns:
    A sentence with an example and the remedy, "" where there is none.
  """
  ids = unknown.drop_nulls().unique(maintain_order=True).cast(pl.String)
  if not ids.len():
    return ""
  for difference, (form, form_of_known), remedy in _FORMS:
    mine, theirs = form(ids), form_of_known(known)
    found = mine.is_in(theirs.filter(theirs != "").unique().implode())
    n = int(found.sum())
    if n * 2 <= ids.len():
      continue
    one, other = ids.filter(found)[0], mine.filter(found)[0]
    other = known.filter(theirs == other)[0]
    return (
      f"{n:,} of {ids.len():,} unknown item ids are in the catalogue but for "
      f"{difference} ({one[:_MOST_SHOWN]!r} and {other[:_MOST_SHOWN]!r}); "
      f"{remedy}."
    )
  return ""
