"""The summary counts every reject and shows the first rows."""

from gr_jax.data.imports.rejects import reject_rows
from gr_jax.data.imports.summary import count_rejects


def test_rejects_are_counted_by_reason_with_their_first_rows():
  rejects = reject_rows(
    "t.csv", [9, 2, 7, 3, 4, 5, 6], ["x"] * 6 + ["y"], [""] * 7
  )
  assert count_rejects(rejects) == (
    ("t.csv", "x", 6, (2, 3, 4, 5, 7)),
    ("t.csv", "y", 1, (6,)),
  )
