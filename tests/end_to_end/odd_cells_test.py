"""Whatever stands in the cells, each row is imported or listed, once."""

import csv
import random
import re

import polars as pl
import pytest

from gr_jax.data.sources.own_data import import_tables, load

NOW = 1_750_000_000
ODD = {
  "item_id": ["007", "7.0", "item_7", "ABC", "=1", "gid://x/7", "", " 7"],
  "text": [
    "<b>x</b> &amp; y", "<p></p>", "&#xD800;", "&#0;", "=1+1", "@x", "",
    "\ttab", "a\x1fb", "<" * 50, "&#" + "9" * 5000 + ";", "\u202e",
  ],
  "category": [
    "a>c", "a|b", "A/C", "/", ">", "a > > b", "x\x1fGift > Box", "a &gt; b",
  ],
  "value": [
    "1,42", "1.299,00", "€12", "12 EUR", "0", "-1", "1e39", "inf", "nan",
    "\u2014", "9" * 400, "1,2,3", "..", "1.299", "1e-400", "12,-", "",
  ],
  "time": [
    "2025-01-01 10:00:00+02", "20250201", "2020-W05-3", "1700000000000",
    "31.12.2019", "2019-02-30", "2019-11-01T24:00", "9" * 5000, "1e400", "",
    "0000-01-01", "9999-12-31", "-9223372036854775808", "10:00", "20250231",
  ],
  "event": [
    "view_item", "Add To Cart", "pv", "=cmd", "", "a,b", "it's", "x" * 300,
    "refund", "view",
  ],
}  # fmt: skip
FORMS = ("", "", "", "mdy", "%Y-%m-%d %H:%M:%S")
SEPARATORS = ("", "", "none", "/", ">")


def _written(path, columns, rows):
  with path.open("w", newline="", encoding="utf-8") as stream:
    writer = csv.writer(stream)
    writer.writerows([columns, *rows])
  return path


def _tables(folder, rng):
  """A pair of files, odd in a share of their cells."""
  share = rng.choice([0, 0.02, 0.1, 0.9])

  def cell(name, usual):
    return rng.choice(ODD[name]) if rng.random() < share else usual

  items = [
    [cell("item_id", str(i)), cell("text", f"cup {i}"),
     cell("category", "a > b"), cell("value", "1.5")]
    for i in range(8)
  ]  # fmt: skip
  events = [
    [f"u{k % 4}", cell("item_id", str(k % 8)),
     cell("time", f"2024-05-{1 + k % 28:02d} 10:00:00"),
     cell("event", "buy"), cell("value", "2")]
    for k in range(40)
  ]  # fmt: skip
  return (
    _written(folder / "items.csv", list(ODD)[:4], items),
    _written(
      folder / "events.csv",
      ["user_id", "item_id", "time", "event", "value"],
      events,
    ),
  )


def _try(folder, seed):
  """Imports one pair; returns why not, "" if it could be imported."""
  rng = random.Random(seed)
  folder.mkdir()
  items, events = _tables(folder, rng)
  try:
    summary = import_tables(
      items, events, {}, folder / "out", now=NOW,
      time_format=rng.choice(FORMS), category_separator=rng.choice(SEPARATORS),
    )  # fmt: skip
  except ValueError as error:
    return str(error)
  rejects = pl.read_csv(folder / "out" / "rejects.csv", infer_schema=False)
  listed = rejects["reason"].str.contains("the row is kept|every event was")
  lost = sum(read - kept for _, read, kept in summary.files)
  assert lost == (~listed).sum()
  cells = [cell for row in rejects.rows() for cell in row if cell]
  assert not any(re.match(r"[=+\-@\t\r]", cell) for cell in cells)
  assert all("\n" not in note for note in summary.notes)
  load(folder / "out")
  return ""


@pytest.mark.parametrize(
  "pairs", [20, pytest.param(2000, marks=pytest.mark.slow)]
)
def test_rows_in_are_rows_out_and_rejects(tmp_path, pairs):
  errors = [_try(tmp_path / str(seed), seed) for seed in range(pairs)]
  assert all(error.isprintable() for error in errors)
  assert 0.2 < errors.count("") / pairs < 1
