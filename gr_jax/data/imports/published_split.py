"""A split that came with the data, in a column of the events."""

from collections.abc import Mapping

import polars as pl

from gr_jax.data.imports.checked_table import CheckedTable
from gr_jax.data.imports.columns import known_words
from gr_jax.data.imports.words import map_words
from gr_jax.data.requests import TEST, TRAIN, VALID

SPLITS = {"train": TRAIN, "valid": VALID, "test": TEST}
SPLIT_WORDS = {
  "train": "train training",
  "valid": "valid validation val dev development",
  "test": "test testing",
}
_SHOWN_WORDS = 3


def known_splits(splits: Mapping[str, str]) -> dict[str, int]:
  """Maps lower-case words to splits, the caller's own words first.

  Raises:
    ValueError: a target that is not "train", "valid" or "test".
  """
  return known_words(SPLIT_WORDS, SPLITS, splits, flag="--splits")


def check_split(table: CheckedTable, splits: Mapping[str, str]) -> CheckedTable:
  """Adds `part`, the split as a number; rows without a split are dropped.

  Args:
    table: The events, their columns as text.
    splits: A map of the file's words to "train", "valid" or "test"; it comes
      before the words of `SPLIT_WORDS`.

  Raises:
    ValueError: a word that no split is called by.
  """
  known = known_splits(splits)

  def part_of(words: pl.Series) -> pl.Series:
    return words.str.to_lowercase().replace_strict(
      known, default=None, return_dtype=pl.Int8
    )

  part = map_words(table.frame["split"], part_of)
  table = table.derive(part.alias("part"))
  table = table.drop(pl.col("split").is_null(), "missing split")
  if table.frame["part"].has_nulls():
    unknown = table.frame.filter(pl.col("part").is_null())
    words = unknown["split"].unique(maintain_order=True)
    shown = ", ".join(map(repr, words.head(_SHOWN_WORDS)))
    raise ValueError(
      f"{table.file}: the split of {unknown.height:,} rows is "
      f"{shown}{', ...' if len(words) > _SHOWN_WORDS else ''} (first in row "
      f"{unknown['row'][0]}); write train, valid or test, or say which it is: "
      f"--splits={words[0]}=valid. Rename the column if it is no split."
    )
  return table


def late_events(events: pl.DataFrame) -> pl.DataFrame:
  """Finds the events after one of a later split of their user.

  Args:
    events: Columns user_id, row and part, in the order of each user.

  Returns:
    columns user_id and row of these events.
  """
  if not (events["part"] > TRAIN).any():
    return events.head(0).select("user_id", "row")
  latest = pl.col("part").cum_max().over("user_id")
  return events.filter(pl.col("part") < latest).select("user_id", "row")


def refuse_late(late: pl.DataFrame) -> None:
  """Refuses `late_events`.

  One would be learned with what is held out in its history.

  Raises:
    ValueError: there is one.
  """
  if late.height:
    raise ValueError(
      f"{late.height:,} events of {late['user_id'].n_unique():,} users come "
      "after an event of a later split of their user (first in row "
      f"{late['row'].min()}): they would be learned with what is held out in "
      "their history. Give a split that follows each user's order, or no time "
      "and order column: then a user's training rows come first."
    )
