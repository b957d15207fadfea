"""Rows that an import leaves out, each with its number and its reason."""

import dataclasses

import polars as pl

SCHEMA = {
  "file": pl.String,
  "row": pl.Int64,
  "reason": pl.String,
  "content": pl.String,
}


def reject_rows(
  file: str, rows: list[int], reasons: list[str], contents: list[str]
) -> pl.DataFrame:
  """A table of rejected rows, columns as in `SCHEMA`."""
  return pl.DataFrame(
    {
      "file": [file] * len(rows),
      "row": rows,
      "reason": reasons,
      "content": contents,
    },
    schema=SCHEMA,
  )


@dataclasses.dataclass(frozen=True)
class CheckedTable:
  """Rows that passed the checks so far, and the list of those that did not.

  Attributes:
    file: name of the file in messages.
    frame: rows still good; column `row` is the row number in the file.
    rejects: rows listed so far, columns as in `SCHEMA`.
    rows_read: rows of the file before any check.
  """

  file: str
  frame: pl.DataFrame
  rejects: pl.DataFrame
  rows_read: int

  def drop(self, where: pl.Expr, reason: str) -> "CheckedTable":
    """Lists the rows `where` is true and goes on without them."""
    where = where.fill_null(False)
    listed = self.list(where, reason)
    if listed is self:
      return self
    return dataclasses.replace(listed, frame=self.frame.filter(~where))

  def list(self, where: pl.Expr, reason: str) -> "CheckedTable":
    """Lists the rows `where` is true but keeps them."""
    bad = self.frame.filter(where)
    if not bad.height:
      return self
    # Text columns are the file's own; numbers are derived from them.
    content = pl.struct(pl.col(pl.String)).struct.json_encode()
    listed = bad.select(
      pl.lit(self.file).alias("file"),
      pl.col("row").cast(pl.Int64),
      pl.lit(reason).alias("reason"),
      content.alias("content"),
    )
    return dataclasses.replace(self, rejects=pl.concat([self.rejects, listed]))

  def derive(self, *columns: pl.Expr) -> "CheckedTable":
    """The same rows with computed columns."""
    return dataclasses.replace(self, frame=self.frame.with_columns(*columns))

  def select(self, *columns: str) -> "CheckedTable":
    """The same rows with only these columns."""
    return dataclasses.replace(self, frame=self.frame.select(columns))
