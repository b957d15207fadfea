"""Own data end to end: every bad row is named, the stored form is one."""

import gzip
import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from gr_jax.data.requests import CLICKED, EXPOSED, ORDERED, TEST, TRAIN, VALID
from gr_jax.data.sources.own_data import import_tables, load

NOW = 1_750_000_000
COLUMNS = {
  "item_id": "asin",
  "text": "title",
  "category": "path",
  "value": "price",
  "user_id": "uid",
  "time": "ts",
  "event": "type",
  "query": "q",
}

ITEM_HEADER = "asin,title,path,price"
ITEM_ROWS = [
  "B1,red apple,FOOD > FRUIT,1.5",
  "B2,green apple,FOOD > FRUIT,2",
  "B3,brown bread,FOOD > BREAD,3.25",
  "B4,soap,HOME,4",
  "B5,candle,,",
]
EVENT_HEADER = "uid,asin,ts,type,q,price"
EVENT_ROWS = [
  f"{user},{item},2024-05-{day:02d} {hour}:00:00,{kind},{query},{price}"
  for day in range(1, 11)
  for user, item, hour, kind, query, price in (
    ("ann", f"B{1 + day % 5}", "08", "view", "fresh apple", ""),
    ("ann", f"B{1 + (day + 1) % 5}", "08", "click", "fresh apple", ""),
    ("ann", f"B{1 + (day + 2) % 5}", "09", "Purchase", "", "2.5"),
    ("bob", f"B{1 + (day + 3) % 5}", "10", "order", "", ""),
  )
]
BAD_ITEMS = {  # line: (row, reason)
  7: ("B1,red apple,FOOD > FRUIT,1.5", "duplicate item id, same text"),
  8: ("B2,blue apple,FOOD,2", "duplicate item id, other text"),
  9: ("B6,,FOOD,1", "missing item text"),
  10: (",no id,FOOD,1", "missing item id"),
  11: ("B7,too,many,fields,1", "malformed row: not the 4 fields"),
  12: ("B8,caf\udce9,FOOD,1", "bad encoding"),
  13: ("B9,milk,FOOD,-1", "bad value (the row is kept"),
  14: ('B10,"a quote,FOOD,1', "malformed row: a quote is not closed"),
}
BAD_EVENTS = {
  42: ("ann,B99,2024-05-01,order,,1", "unknown item"),
  43: ("ann,,2024-05-01,order,,1", "missing item id"),
  44: (",B1,2024-05-01,order,,1", "missing user id"),
  45: ("ann,B1,yesterday,order,,1", "missing or unreadable time"),
  46: ("ann,B1,2999-01-01,order,,1", "time in the future"),
  47: ("ann,B1,2024-05-02,licked,,1", "unknown event type"),
  48: ("ann,B1,2024-05-02,order,,-3", "bad value"),
  49: ("ann,B1,2024-05-02,order,,nan", "bad value"),
  50: ("cat,B1,2024-05-02,view,,", "a user of exposures alone"),
  51: ("dan,B99,2024-05-02,order,,", "unknown item"),
  52: ("ann,B1,2024-05-02", "malformed row: not the 6 fields"),
  53: ("bob,B1\udcff,2024-05-02,order,,", "bad encoding"),
}


def _write(path: Path, header: str, rows: list[str]) -> Path:
  text = "\n".join([header, *rows]) + "\n"
  path.write_bytes(text.encode(errors="surrogateescape"))
  return path


def _import(
  folder: Path,
  items: list[str] = ITEM_ROWS,
  events: list[str] = EVENT_ROWS,
  name: str = "out",
  **options,
):
  return import_tables(
    _write(folder / "items.csv", ITEM_HEADER, items),
    _write(folder / "events.csv", EVENT_HEADER, events),
    COLUMNS,
    folder / name,
    now=NOW,
    **options,
  )


def _files(folder: Path) -> dict[str, bytes]:
  return {
    str(path.relative_to(folder)): path.read_bytes()
    for path in sorted(folder.rglob("*"))
    if path.is_file() and path.name != "own_data.json"
  }


def test_clean_files_import_whole(tmp_path):
  summary = _import(tmp_path)
  catalogue, requests = load(tmp_path / "out")
  assert summary.rejected == ()
  assert catalogue.item_ids.tolist() == ["B1", "B2", "B3", "B4", "B5"]
  assert catalogue.category_names[1] == ("FOOD > BREAD", "FOOD > FRUIT")
  assert catalogue.categories.tolist() == [
    [0, 1], [0, 1], [0, 0], [1, -1], [-1, -1],
  ]  # fmt: skip
  # B5 has no price of its own: the median of its orders.
  np.testing.assert_allclose(catalogue.values, [1.5, 2, 3.25, 4, 2.5])
  assert requests.user_ids.tolist() == ["ann", "bob"]
  assert requests.queries.tolist() == ["fresh apple"]
  # 10 searches; 10 + 10 baskets, of which bob's first has no history.
  assert summary.counts["search"] == 10
  assert summary.counts["next_basket"] == 19
  assert len(requests) == 29


def test_pages_hold_exposures_clicks_and_orders_with_values(tmp_path):
  _import(tmp_path)
  catalogue, requests = load(tmp_path / "out")
  first = slice(requests.page_offsets[0], requests.page_offsets[1])
  assert requests.page_kind[first].tolist() == [EXPOSED, CLICKED]
  assert requests.page_value[first].tolist() == [0, 0]
  assert len(requests.history(0)) == 0
  ordered = np.flatnonzero(requests.page_kind == ORDERED)
  pages = np.searchsorted(requests.page_offsets, ordered, side="right") - 1
  ann = requests.user[pages] == 0
  assert (requests.page_value[ordered[ann]] == 2.5).all()
  bobs = ordered[~ann]  # Without a price of their own: the item's.
  np.testing.assert_array_equal(
    requests.page_value[bobs], catalogue.values[requests.page_item[bobs]]
  )


def test_histories_end_before_their_request_and_splits_follow_time(tmp_path):
  _import(tmp_path)
  catalogue, r = load(tmp_path / "out")
  for row in range(len(r)):
    begin, end = r.user_offsets[r.user[row]], r.user_offsets[r.user[row] + 1]
    before = (r.event_time[begin:end] < r.time[row]).sum()
    assert len(r.history(row)) == before
  assert r.time[r.split == TRAIN].max() < r.time[r.split == VALID].min()
  assert r.time[r.split == VALID].max() < r.time[r.split == TEST].min()
  training = r.event_time < r.time[r.split == VALID].min()
  assert catalogue.popularity.sum() == training.sum()


def test_every_bad_row_is_named_with_its_line_and_reason(tmp_path):
  summary = _import(
    tmp_path,
    ITEM_ROWS + [row for row, _ in BAD_ITEMS.values()],
    EVENT_ROWS[:-1]
    + [EVENT_ROWS[-1]]
    + [row for row, _ in BAD_EVENTS.values()],
  )
  printed = str(summary)
  rejects = pl.read_csv(tmp_path / "out" / "rejects.csv")
  for file, bad in ("items.csv", BAD_ITEMS), ("events.csv", BAD_EVENTS):
    for line, (_, reason) in bad.items():
      listed = rejects.filter(
        (pl.col("file") == file) & (pl.col("row") == line)
      )
      assert listed["reason"].str.starts_with(reason).any(), (file, line)
      named = [
        entry
        for entry in printed.splitlines()
        if f"{file}:" in entry and reason in entry
      ]
      assert any(f" {line}" in entry for entry in named), (file, line)
  assert (
    "dan"
    in rejects.filter(
      pl.col("reason").str.starts_with("no event of this user")
    )["content"].item()
  )
  # What is left is the clean import and the item whose price was bad.
  assert summary.files == (
    ("items.csv", 13, 6),
    ("events.csv", 40 + len(BAD_EVENTS), 40),
  )
  catalogue, requests = load(tmp_path / "out")
  assert catalogue.item_ids[-1] == "B9"
  assert catalogue.values[-1] == 0
  assert len(requests) == 29


def test_bad_rows_do_not_change_what_is_stored_of_the_good_ones(tmp_path):
  _import(tmp_path, name="clean")
  _import(
    tmp_path,
    events=EVENT_ROWS + [row for row, _ in BAD_EVENTS.values()],
    name="dirty",
  )
  clean, dirty = _files(tmp_path / "clean"), _files(tmp_path / "dirty")
  del clean["rejects.csv"], dirty["rejects.csv"]
  assert clean == dirty


@pytest.mark.parametrize("kind", ["jsonl", "parquet", "tsv", "csv.gz"])
def test_every_format_gives_the_stored_form_of_csv(tmp_path, kind):
  _import(tmp_path, name="csv")
  paths = {}
  for name in ("items", "events"):
    table = pl.read_csv(tmp_path / f"{name}.csv")
    path = paths[name] = tmp_path / f"{name}.{kind}"
    if kind == "jsonl":
      table.write_ndjson(path)
    elif kind == "parquet":
      if name == "events":  # Typed times, a list for the category path.
        table = table.with_columns(pl.col("ts").str.to_datetime())
      else:
        table = table.with_columns(pl.col("path").str.split(" > "))
      table.write_parquet(path)
    elif kind == "tsv":
      table.write_csv(path, separator="\t")
    else:
      path.write_bytes(gzip.compress((tmp_path / f"{name}.csv").read_bytes()))
  import_tables(
    paths["items"], paths["events"], COLUMNS, tmp_path / kind, now=NOW
  )
  assert _files(tmp_path / "csv") == _files(tmp_path / kind)


def test_order_of_the_rows_does_not_matter_and_is_noted(tmp_path):
  _import(tmp_path, name="sorted")
  summary = _import(tmp_path, events=EVENT_ROWS[::-1], name="reversed")
  a = load(tmp_path / "sorted")[1]
  b = load(tmp_path / "reversed")[1]
  np.testing.assert_array_equal(a.event_item, b.event_item)
  np.testing.assert_array_equal(a.time, b.time)
  assert any("unsorted times" in note for note in summary.notes)


def test_missing_columns_switch_off_and_say_so(tmp_path):
  items = _write(
    tmp_path / "i.csv", "item_id,text", ["a,one", "b,two", "c,three"]
  )
  events = _write(
    tmp_path / "e.csv",
    "user_id,item_id",
    [f"{user},{item}" for item in "abcab" for user in ("u", "v")],
  )
  summary = import_tables(items, events, {}, tmp_path / "out", now=NOW)
  for column in ("category", "time", "event", "query", "value"):
    assert any(note.startswith(f"no '{column}'") for note in summary.notes)
  catalogue, requests = load(tmp_path / "out")
  assert catalogue.categories.shape == (3, 0)
  assert (catalogue.values == 0).all()
  assert (requests.query == -1).all()
  assert (requests.page_kind == ORDERED).all()
  # File order is the time; each user leaves the last request out.
  assert requests.history(len(requests) - 1).tolist() == [0, 1, 2, 0]
  for user in range(2):
    mine = requests.split[requests.user == user]
    assert mine.tolist() == [TRAIN, TRAIN, VALID, TEST]
  # The two held-out orders of each user, a and b, are not in the popularity.
  assert catalogue.popularity.tolist() == [2, 2, 2]


def test_event_types_can_be_named(tmp_path):
  summary = _import(tmp_path, event_types={"view": "click"})
  assert summary.counts["events"] == 40
  with pytest.raises(ValueError, match="'bought' is none of exposure, click"):
    _import(tmp_path, name="other", event_types={"view": "bought"})


def _no_items(folder):
  return _import(folder, items=["B1,,,"])


def _no_events(folder):
  return _import(folder, events=["ann,X1,2024-05-01,order,,"])


def _one_user(folder):
  return _import(folder, events=[r for r in EVENT_ROWS if r[:3] == "ann"])


def _no_request(folder):
  rows = [f"{user},B1,2024-05-01,order,," for user in ("ann", "bob")]
  return _import(folder, events=rows)


def _no_training(folder):
  rows = [
    f"{user},B1,2024-05-0{day},order,,"
    for user in ("ann", "bob")
    for day in (1, 2)
  ]
  return _import(folder, events=rows)


@pytest.mark.parametrize(
  ("run", "message"),
  [
    (_no_items, "No item is left. items.csv has 1 rows; 1 x missing item text"),
    (_no_events, "Events name items like 'X1', the catalogue .* like 'B1'"),
    (_one_user, "1 user is left, 2 are needed"),
    (_no_request, "No request is left"),
    (_no_training, "No request is left to train on: 2 requests have 1 dist"),
  ],
)
def test_nothing_usable_writes_nothing(tmp_path, run, message):
  with pytest.raises(ValueError, match=message) as caught:
    run(tmp_path)
  assert "\n" not in str(caught.value)
  left = {p.name for p in tmp_path.iterdir()} - {"events.csv", "items.csv"}
  bad = "; 1 x" in str(caught.value)
  assert left == ({"out.rejects.csv"} if bad else set())
  assert ("All rejected rows are in" in str(caught.value)) == bad


def test_a_failed_import_lists_why_and_every_row(tmp_path):
  rows = ["ann,B1,2024-05-01,order,,", "ann,=1+1,2024-05-01,order,,"]
  with pytest.raises(ValueError, match="1 user is left") as caught:
    _import(tmp_path, events=rows)
  assert "1 x unknown item (first in row 3)" in str(caught.value)
  assert "Events name items like" not in str(caught.value)
  rejects = pl.read_csv(tmp_path / "out.rejects.csv")
  assert rejects["row"].to_list() == [3]


def test_existing_output_is_refused_and_overwritten_on_demand(tmp_path):
  _import(tmp_path)
  with pytest.raises(FileExistsError, match="add --overwrite"):
    _import(tmp_path)
  summary = _import(tmp_path, items=[*ITEM_ROWS, "B11,new,,"], overwrite=True)
  assert summary.counts["items"] == len(load(tmp_path / "out")[0]) == 6
  names = sorted(path.name for path in tmp_path.iterdir())
  assert names == ["events.csv", "items.csv", "out"]


def test_manifest_tells_where_the_data_came_from(tmp_path):
  _import(tmp_path)
  manifest = json.loads((tmp_path / "out" / "own_data.json").read_text())
  assert manifest["columns"] == COLUMNS
  assert manifest["sources"]["items"] == str(tmp_path / "items.csv")
  assert manifest["summary"]["counts"]["requests"] == 29
  assert manifest["split"] == "time"


def test_load_refuses_what_is_not_an_import(tmp_path):
  with pytest.raises(FileNotFoundError, match="holds no imported data"):
    load(tmp_path)
  _import(tmp_path)
  path = tmp_path / "out" / "own_data.json"
  manifest = json.loads(path.read_text())
  path.write_text(json.dumps(manifest | {"format_version": 2}))
  with pytest.raises(ValueError, match="reads up to format 1: upgrade"):
    load(tmp_path / "out")
  path.write_text("{")
  with pytest.raises(ValueError, match="damaged"):
    load(tmp_path / "out")


@pytest.mark.parametrize(
  "times",
  [
    ["1700000000900", "1700000000500", "1700000000100", "1700000060000"],
    ["1700000000.9", "1700000000.5", "1700000000.1", "1700000060"],
    [
      "2023-11-14T22:13:20.9Z",
      "2023-11-14T22:13:20.5Z",
      "2023-11-14T22:13:20.1Z",
      "2023-11-14T22:14:20Z",
    ],
  ],
)
@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_clicks_inside_a_second_keep_their_order(tmp_path, times, ending):
  """The rows are not in the order of their times."""
  rows = [("u", f"B{3 - k}", time) for k, time in enumerate(times[:3])]
  rows += [("u", "B4", times[3]), ("v", "B1", times[0]), ("v", "B2", times[3])]
  events = pl.DataFrame(rows, schema=["user_id", "item_id", "time"],
                        orient="row")  # fmt: skip
  path = tmp_path / f"events.{ending}"
  if ending == "csv":
    events.write_csv(path)
  else:
    events.write_parquet(path)
  items = tmp_path / "items.csv"
  items.write_text(
    "item_id,text\n" + "".join(f"B{k},x{k}\n" for k in range(1, 5))
  )
  import_tables(items, path, {}, tmp_path / "out", test_share=0.0,
                valid_share=0.0)  # fmt: skip
  catalogue, requests = load(tmp_path / "out")
  assert requests.user_ids[0] == "u"
  own = catalogue.item_ids[requests.event_item[: requests.user_offsets[1]]]
  assert own.tolist() == ["B1", "B2", "B3", "B4"]
  assert requests.event_time[:4].tolist() == [1_700_000_000] * 3 + [
    1_700_000_060
  ]


def test_a_parquet_column_of_times_counts_nanoseconds(tmp_path):
  start = 1_700_000_000 * 10**9
  times = [start + 2, start + 1, start, start + 5 * 10**9] * 2
  pl.DataFrame(
    {
      "user_id": ["u"] * 4 + ["v"] * 4,
      "item_id": ["B3", "B2", "B1", "B4"] * 2,
      "time": pl.Series(times).cast(pl.Datetime("ns")),
    }
  ).write_parquet(tmp_path / "events.parquet")
  items = tmp_path / "items.csv"
  items.write_text(
    "item_id,text\n" + "".join(f"B{k},x{k}\n" for k in range(1, 5))
  )
  import_tables(items, tmp_path / "events.parquet", {}, tmp_path / "out",
                test_share=0.0, valid_share=0.0)  # fmt: skip
  catalogue, requests = load(tmp_path / "out")
  own = catalogue.item_ids[requests.event_item]
  assert own.tolist() == ["B1", "B2", "B3", "B4"] * 2


def test_attributes_are_kept_as_they_are_written(tmp_path):
  items = tmp_path / "items.csv"
  items.write_text(
    "item_id,text,Marke,url\n"
    "B1,x,Ærø & Co,http://a/1?b=<c>\nB2,y,,\nB1,x,other,\n"
  )
  events = tmp_path / "events.csv"
  events.write_text("user_id,item_id\n" + "u,B1\nv,B2\n" * 3)
  import_tables(items, events, {}, tmp_path / "out",
                attributes={"brand": "Marke", "url": "url"})  # fmt: skip
  catalogue, _ = load(tmp_path / "out")
  found = {k: v.to_list() for k, v in catalogue.attributes.items()}
  assert found == {
    "brand": ["Ærø & Co", None],
    "url": ["http://a/1?b=<c>", None],
  }
