"""A shop's own files, bad rows and all, become a trained retriever."""

import json
import pathlib

import polars as pl

from gr_jax import import_data
from tests.reference import shop_run, small_run

ITEMS = [
  "asin,title,path,price",
  *(
    f"B{i},{('red', 'green', 'blue')[i % 3]} {('cup', 'plate')[i % 2]} {i},"
    f"KITCHEN > {('CUPS', 'PLATES')[i % 2]},{1 + i % 7}"
    for i in range(60)
  ),
]
EVENTS = [
  "uid,asin,ts,type,q,price",
  *(
    f"u{user},B{(7 * user + 3 * step) % 60},"
    f"2024-05-{1 + step:02d} {user % 24:02d}:00:00,"
    f"{'purchase' if step % 2 else 'click'},"
    f"{('cup', 'plate')[user % 2] if step % 3 else ''},2.5"
    for user in range(20)
    for step in range(20)
  ),
]
BAD_ITEMS = [
  ("B1,green plate 1,KITCHEN > PLATES,2", "duplicate item id, same text"),
  ("B2,another,KITCHEN,2", "duplicate item id, other text"),
  ("C1,,KITCHEN,1", "missing item text"),
  (",no id,KITCHEN,1", "missing item id"),
  ("C2,too,many,fields,1", "malformed row"),
  ("C3,caf\udce9,KITCHEN,1", "bad encoding"),
  ("C4,milk,KITCHEN,-1", "bad value"),
]
BAD_EVENTS = [
  ("u1,X9,2024-05-01,order,,1", "unknown item"),
  ("u1,,2024-05-01,order,,1", "missing item id"),
  (",B1,2024-05-01,order,,1", "missing user id"),
  ("u1,B1,yesterday,order,,1", "missing or unreadable time"),
  ("u1,B1,2999-01-01,order,,1", "time in the future"),
  ("u1,B1,2024-05-02,licked,,1", "unknown event type"),
  ("u1,B1,2024-05-02,order,,-3", "bad value"),
  ("ghost,B1,2024-05-02,view,,", "a user of exposures alone"),
  ("u1,B1,2024-05-02", "malformed row"),
  ("u2,B1\udcff,2024-05-02,order,,", "bad encoding"),
]
FEW = (
  "--config.generator.loop.steps=4",
  "--config.generator.loop.checkpoint_every=4",
  "--config.generator.prompt.user_buckets=16",
)


def write(path: pathlib.Path, lines: list[str]) -> pathlib.Path:
  text = "\n".join(lines) + "\n"
  path.write_bytes(text.encode(errors="surrogateescape"))
  return path


def trained(data: pathlib.Path, workdir: pathlib.Path, few=FEW) -> dict:
  """Runs the command that the import's help names; returns its report."""
  run = small_run.start(
    "configs/own_data.py:tiny", workdir, f"--config.data.path={data}", *few
  )
  output, _ = run.communicate()
  assert run.returncode == 0, output
  assert (workdir / "report.html").stat().st_size > 0
  return json.loads((workdir / "report.json").read_text())


def asked(report: dict) -> set[str]:
  return {
    row["requests"] for row in report["results"] if row["system"] == "model"
  }


def test_files_with_every_kind_of_bad_row(tmp_path, capsys):
  items = write(tmp_path / "items.csv", [*ITEMS, *(r for r, _ in BAD_ITEMS)])
  events = write(
    tmp_path / "events.csv", [*EVENTS, *(r for r, _ in BAD_EVENTS)]
  )
  data = tmp_path / "data"
  arguments = [
    f"--items={items}",
    f"--events={events}",
    "--columns=item_id=asin,text=title,category=path,value=price,user_id=uid,"
    "time=ts,event=type,query=q",
    f"--output={data}",
  ]
  assert import_data.main(arguments) == 0
  printed = capsys.readouterr().out
  rejects = pl.read_csv(data / "rejects.csv")
  for file, good, bad in (
    ("items.csv", ITEMS, BAD_ITEMS),
    ("events.csv", EVENTS, BAD_EVENTS),
  ):
    listed = rejects.filter(pl.col("file") == file).sort("row")
    first = len(good) + 1
    assert listed["row"].to_list() == list(range(first, first + len(bad)))
    for reason, (_, expected) in zip(listed["reason"], bad):
      assert reason.startswith(expected)
      assert reason in printed
  # The sizes of that run, whose programs are compiled once for both.
  report = trained(data, tmp_path / "run", shop_run.FEW)
  assert asked(report) == {"semantic", "personalised", "next_basket"}


def test_users_and_items_alone_are_enough(tmp_path, capsys):
  """No queries, categories, times, events or values."""
  items = [",".join(row.split(",")[:2]) for row in ITEMS]
  events = [",".join(row.split(",")[:2]) for row in EVENTS]
  data = tmp_path / "data"
  arguments = [
    f"--items={write(tmp_path / 'items.csv', items)}",
    f"--events={write(tmp_path / 'events.csv', events)}",
    "--columns=item_id=asin,text=title,user_id=uid",
    f"--output={data}",
  ]
  assert import_data.main(arguments) == 0
  printed = capsys.readouterr().out
  for name in ("category", "time", "event", "query", "value"):
    assert f"no '{name}' column" in printed
  report = trained(data, tmp_path / "run")
  assert asked(report) == {"next_basket"}
  assert report["level_sizes"][:3] == [32, 32, 32]
