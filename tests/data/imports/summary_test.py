"""Every reject is counted, with the first rows that it names."""

from gr_jax.data.imports import summary
from gr_jax.data.imports.checked_table import reject_rows


def test_rejects_are_counted_by_reason_with_their_first_rows():
  rows = [(row, "x", "") for row in (9, 2, 7, 3, 4, 5)]
  rejects = reject_rows("t.csv", [*rows, (6, "y", "")])
  assert summary.count_rejects(rejects) == (
    ("t.csv", "x", 6, (2, 3, 4, 5, 7)),
    ("t.csv", "y", 1, (6,)),
  )
