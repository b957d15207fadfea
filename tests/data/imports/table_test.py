"""Rows collected one by one are the columns they were."""

from gr_jax.data.imports import table
from gr_jax.data.imports.table import RowCollector


def test_chunks_do_not_show(monkeypatch):
  monkeypatch.setattr(table, "_CHUNK", 3)
  for n in (0, 2, 3, 7):
    rows = RowCollector("t.csv", ["a", "b"])
    for i in range(n):
      rows.keep(i, [f" {i} ", " " if i % 2 else None])
    rows.reject(99, "bad", "line\r\n")
    checked = rows.checked()
    assert checked.frame.rows() == [(i, str(i), None) for i in range(n)]
    assert checked.rejects.rows() == [("t.csv", 99, "bad", "line")]
    assert checked.rows_read == n + 1
