"""A long log is imported piece by piece, and no piece shows in the outcome."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gr_jax.data.imports import notes, ordered_events, unpack, words
from gr_jax.data.sources.own_data import import_tables, load

NOW = 1_750_000_000
ITEMS = "item_id,text,value\n" + "".join(
  f"i{k},item {k},{k}\n" for k in range(4)
)
HEADER = "user_id,item_id,time,event,query,value,session"
CELLS = (
  st.sampled_from(["u", "v", "w", "é", ""]),
  st.sampled_from(["i0", "i1", "i2", "i3", "i9"]),
  st.sampled_from(
    ["1600000000", "1600000009", "1600000000000", "2020-09-13T12:26:40", "x"]
  ),
  st.sampled_from(["click", "purchase", "view", "swipe"]),
  st.sampled_from(["", "red mug", '"big\npan"']),
  st.sampled_from(["", "1.5", "2", "-1", "$1"]),
  st.sampled_from(["", "s1", "s2"]),
)
ROWS = st.lists(st.tuples(*CELLS).map(",".join), min_size=4, max_size=25)


def _pieces(patch: pytest.MonkeyPatch, size: int) -> None:
  """Everything in pieces of a size, all repeated text as numbers."""
  patch.setattr(unpack, "_BLOCK", size)
  patch.setattr(words, "SLICE", size)
  patch.setattr(words, "_LONG", 1)
  patch.setattr(words, "_WORD", -1000)
  patch.setattr(ordered_events, "_BLOCK", size)
  patch.setattr(notes, "_BLOCK", size)


def _outcome(folder: Path) -> list:
  """All that an import says and writes, or its error."""
  out = folder / "out"
  try:
    summary = import_tables(
      folder / "items.csv",
      folder / "events.csv",
      {},
      out,
      now=NOW,
      overwrite=True,
    )
  except ValueError as error:
    return [str(error)]
  catalogue, requests = load(out)
  arrays = [*vars(catalogue).values(), *vars(requests).values()]
  rejects = (out / "rejects.csv").read_text()
  return [str(summary), rejects, *(np.asarray(a).tolist() for a in arrays)]


@settings(
  max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(rows=ROWS)
def test_pieces_of_any_size_change_nothing(tmp_path, rows):
  (tmp_path / "items.csv").write_text(ITEMS)
  (tmp_path / "events.csv").write_text("\n".join([HEADER, *rows]))
  expected = _outcome(tmp_path)
  for size in (1, 2, 7):
    with pytest.MonkeyPatch.context() as patch:
      _pieces(patch, size)
      assert _outcome(tmp_path) == expected


STUDY = """
import resource, sys
from pathlib import Path
import gr_jax.import_data
from gr_jax.data.imports.formats import format_sources
from gr_jax.data.sources.own_data import import_tables
folder = Path(sys.argv[1])
import_tables(*format_sources("hm", folder), {}, folder / "out")
used = resource.getrusage(resource.RUSAGE_SELF)
print(used.ru_maxrss >> 10, used.ru_utime + used.ru_stime)
"""
MILLION = 1_000_000


def _write_log(folder: Path, millions: int, *, users: int, items: int) -> None:
  """Writes files of the form of H&M's, whose rows are sorted by day."""
  rng = np.random.default_rng(0)
  pl.DataFrame(
    {
      "article_id": [f"0{108775015 + k}" for k in range(items)],
      "prod_name": [f"item {k} of kind {k % 97}" for k in range(items)],
      "product_type_name": [f"Type {k % 120}" for k in range(items)],
    }
  ).write_csv(folder / "articles.csv")
  with (folder / "transactions_train.csv").open("wb") as file:
    file.write(b"t_dat,customer_id,article_id,price\n")
    for k in range(millions):
      days = np.sort(rng.integers(k * 730, (k + 1) * 730, MILLION)) // millions
      frame = pl.DataFrame(
        {
          "day": 17_794 + days,
          "user": (rng.random(MILLION) ** 2 * users).astype(np.int64),
          "item": (rng.random(MILLION) ** 2 * items).astype(np.int64),
          "price": rng.integers(100, 9000, MILLION) / 59_000,
        }
      )
      user = pl.col("user") * 2_654_435_761 % (1 << 40)
      frame.select(
        pl.col("day").cast(pl.Int32).cast(pl.Date).dt.to_string("%Y-%m-%d"),
        pl.format("{}c{}", user, pl.col("user")).alias("user"),
        pl.format("0{}", pl.col("item") + 108_775_015).alias("item"),
        pl.col("price").round(16),
      ).write_csv(file, include_header=False)


@pytest.mark.slow
def test_millions_of_rows_take_little_memory_and_time(tmp_path):
  """Three million; thirty take ten times as much over the same beginning."""
  millions = 3
  _write_log(tmp_path, millions, users=130_000, items=100_000)
  found = subprocess.run(
    [sys.executable, "-c", STUDY, tmp_path],
    capture_output=True,
    text=True,
    check=True,
  )
  mebibytes, seconds = map(float, found.stdout.split())
  assert mebibytes < 1100
  assert seconds < 12 * millions
