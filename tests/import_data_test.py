"""The importer as typed: errors are one line and write nothing."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from gr_jax.import_data import main

TOOL = Path(__file__).parents[1] / "tools" / "import_data.py"


@pytest.fixture
def flags(tmp_path) -> list[str]:
  items = ["asin,title,path,price"]
  items += [f"B{i},thing number {i},A > B,{i}" for i in range(300)]
  events = ["uid,asin,ts"]
  events += [
    f"u{i % 20},B{i % 300},{1_600_000_000 + 1000 * i}" for i in range(600)
  ]
  (tmp_path / "items.csv").write_text("\n".join(items))
  (tmp_path / "events.csv").write_text("\n".join(events))
  return [
    f"--items={tmp_path / 'items.csv'}",
    f"--events={tmp_path / 'events.csv'}",
    "--columns=item_id=asin,text=title,category=path,value=price,"
    "user_id=uid,time=ts",
    f"--output={tmp_path / 'out'}",
  ]


def test_good_files_print_a_summary_and_exit_with_0(flags, capsys):
  assert main(flags) == 0
  printed = capsys.readouterr()
  assert "300 items, 20 users, 600 clicks and orders" in printed.out
  assert "no 'query' column" in printed.out
  assert "580 requests are built" in printed.err


def test_help_shows_an_example(capsys):
  with pytest.raises(SystemExit) as caught:
    main(["--help"])
  assert caught.value.code == 0
  assert "--columns=item_id=asin,text=title" in capsys.readouterr().out


@pytest.mark.parametrize(
  ("changed", "message"),
  [
    ("--items=no.csv", "No file no.csv."),
    ("--items=*.xls", "No file *.xls."),
    ("--items_header=a,b,c,d,e", "has 4 columns between ',', and the header"),
    ("--encoding=klingon", "--encoding=klingon: no such encoding of text"),
    ("--columns=item=asin", "does not know 'item'"),
    ("--columns=item_id=asin,text=tittle,user_id=uid", "did you mean 'title'"),
    ("--columns=item_id=asin,text=title", "events.csv has no column 'user_id'"),
    ("--columns=item_id", "--columns has 'item_id'; write it as NAME=NAME"),
    ("--event_types=view=seen", "'seen' is none of exposure, click, order"),
    ("--columns=splits=fold", "does not know 'splits' (did you mean 'split'?)"),
    ("--splits=fold=holdout", "'holdout' is none of train, valid, test"),
    ("--test_share=1.5", "together < 1"),
    ("--test_share=much", "invalid float value: 'much'"),
    ("--outptu=x", "unrecognized arguments: --outptu=x"),
  ],
)
def test_errors_are_one_line_and_write_nothing(
  flags, capsys, tmp_path, changed, message
):
  assert main([*flags, changed]) == 1
  printed = capsys.readouterr()
  errors = [line for line in printed.err.splitlines() if line[:1] != "["]
  assert len(errors) == 1
  assert errors[0].startswith("error: ")
  assert message in errors[0]
  assert printed.out == ""
  names = sorted(path.name for path in tmp_path.iterdir())
  assert names == ["events.csv", "items.csv"]


@pytest.mark.parametrize("name", ["order", "split"])
def test_help_names_the_column(capsys, name):
  with pytest.raises(SystemExit):
    main(["--help"])
  assert f"{name} (" in capsys.readouterr().out


def test_a_column_of_other_words_is_one_line(flags, capsys, tmp_path):
  """Here the ids of the items: no word is a split."""
  changed = [flag.replace("time=ts", "split=asin") for flag in flags]
  assert main(changed) == 1
  error = capsys.readouterr().err.splitlines()[-1]
  assert "events.csv: the split of 600 rows is 'B0', 'B1', 'B2', ..." in error
  assert "(first in row 2)" in error
  assert not (tmp_path / "out").exists()


def test_a_column_can_be_the_order_and_the_split(flags, capsys):
  changed = [
    flag.replace("time=ts", "order=ts,split=uid") for flag in flags
  ] + ["--splits=" + ",".join(f"u{k}={s}" for k, s in enumerate(
    ["train"] * 16 + ["valid"] * 2 + ["test"] * 2))]  # fmt: skip
  assert main(changed) == 0
  printed = capsys.readouterr().out
  assert "464 train, 58 valid, 58 test" in printed
  assert "the order column is the time, and a position its unit." in printed
  assert "u19 = test (30) events." in printed
  assert "4 of these are held out by the split" in printed


MIND = {
  "news.tsv": "N{k}\tsports\tgolf\ttitle {k}\tabout\n",
  "behaviors.tsv": "{k}\tU{u}\t11/{k}/2019 9:05:58 AM\t\tN{k}-1 N1-0\n",
}
ROCKET = {
  "item_properties_part1.csv": "1,{k},categoryid,c\n",
  "events.csv": "{k}0000000,{u},view,{k},\n",
}
ROCKET_HEADERS = {
  "item_properties_part1.csv": "timestamp,itemid,property,value\n",
  "events.csv": "timestamp,visitorid,event,itemid,transactionid\n",
}


@pytest.mark.parametrize(
  ("name", "files", "changed", "read"),
  [
    ("mind", MIND, [], "impression = exposure (20), click = click (20)"),
    ("retailrocket", ROCKET, [], "view = click (20)"),
    (
      "retailrocket",
      ROCKET,
      ["--event_types=view=order"],
      "view = order (20)",
    ),
  ],
)
def test_a_format_says_types_and_times_that_flags_may_change(
  tmp_path, capsys, name, files, changed, read
):
  for file, line in files.items():
    rows = (line.format(k=k, u=k % 3) for k in range(1, 21))
    (tmp_path / file).write_text(ROCKET_HEADERS.get(file, "") + "".join(rows))
  flags = [f"--format={name}", f"--input={tmp_path}"]
  assert main([*flags, f"--output={tmp_path / 'out'}", *changed]) == 0
  printed = capsys.readouterr().out
  assert "20 items, 3 users, 20 clicks and orders" in printed
  assert read in printed


def test_missing_flag_is_one_line(capsys):
  for given, missing in (
    ([], "--output"),
    (["--output=x"], "--items, --events (or --format and --input)"),
    (["--output=x", "--input=."], "needs --format, one of movielens, amazon"),
    (["--output=x", "--format=mind"], "--format=mind needs --input=FOLDER"),
    (["--output=x", "--format=netflix"], "invalid choice: 'netflix'"),
  ):
    assert main(given) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert missing in error


def test_output_that_is_not_an_import_is_never_replaced(flags, tmp_path):
  (tmp_path / "out").mkdir()
  (tmp_path / "out" / "thesis.txt").write_text("years of work")
  assert main([*flags, "--overwrite"]) == 1
  assert (tmp_path / "out" / "thesis.txt").read_text() == "years of work"


def test_full_disk_is_one_line_and_leaves_nothing(flags, tmp_path):
  """Files may not grow past 2 KiB: the same error path as a full disk."""
  # A shell sets the limit: JAX, loaded by other tests, warns of any fork hook.
  command = shlex.join([sys.executable, str(TOOL), *flags])
  run = subprocess.run(
    ["bash", "-c", f"ulimit -f 2; exec {command}"],
    capture_output=True,
    text=True,
    env=os.environ | {"PYTHONPATH": str(TOOL.parents[1])},
    check=False,
  )
  assert run.returncode == 1
  errors = [line for line in run.stderr.splitlines() if line[:1] != "["]
  assert len(errors) == 1, run.stderr
  assert errors[0].startswith(f"error: Cannot write {tmp_path / 'out'}: ")
  names = sorted(path.name for path in tmp_path.iterdir())
  assert names == ["events.csv", "items.csv"]
