"""The page of stored mutants: what was killed, and why the rest survives."""

import json
import pathlib
from collections.abc import Container, Mapping, Sequence

from gr_jax.evaluation.report.text_table import markdown
from tools.mutation.record import line_key, load_equivalent, load_record

_HEAD = """\
# Do the tests fail when the code is wrong?

A mutant is one small wrong change of the code: `<` for `<=`, a term or a mask
that is dropped, another axis. It is killed when a test fails. The sample is
drawn by a seed over the functions of {rooms}; annotations, defaults, constants
of modules and the text of errors are left out. Each mutant meets the test file
that mirrors its own file (*own*), and what survives it the other tests of its
package (*package*). *Equivalent* mutants change nothing that can be seen; each
is listed with its reason. Most mutants of this kind break a test soon: the
number says that nothing obvious is missing, not that nothing is.

**{killed} of {counted} mutants that change something are killed, {share:.1f} %
survive** ({drawn} drawn, {equivalent} of them equivalent).

    {command}

Made by `python tools/mutate.py --page` from `record.jsonl`; the code is that of
{commits}.
"""


def counts(
  rows: Sequence[Mapping], equivalent: Container[tuple]
) -> dict[str, int]:
  """The number of rows by outcome."""
  found = dict.fromkeys(
    ("drawn", "mirror", "wider", "equivalent", "survived"), 0
  )
  found["drawn"] = len(rows)
  for row in rows:
    same = line_key(row) in equivalent
    survived = row["result"] == "survived"
    found["equivalent" if survived and same else row["result"]] += 1
  return found


def page(folder: pathlib.Path, *, command: str, rooms: Sequence[str]) -> str:
  """The page of a folder: `record.jsonl`, `equivalent.json`, `by_hand.json`.

  Args:
    folder: where they lie.
    command: how the record was made.
    rooms: the packages that the sample is drawn from.
  """
  rows = list(load_record(folder / "record.jsonl").values())
  equivalent = load_equivalent(folder)
  total = counts(rows, equivalent)
  killed = total["mirror"] + total["wider"]
  counted = total["drawn"] - total["equivalent"]
  head = _HEAD.format(
    rooms=", ".join(rooms),
    killed=killed,
    counted=counted,
    share=100 * total["survived"] / max(1, counted),
    command=command,
    commits=", ".join(sorted({row["commit"] for row in rows})),
    **{name: total[name] for name in ("drawn", "equivalent")},
  )
  parts = [head, _by_file(rows, equivalent, total)]
  parts.append(_list("Survivors", _survivors(rows, equivalent), "None."))
  parts.append(
    _list(
      "Equivalent mutants",
      [
        f"{_change(row)}: {equivalent[line_key(row)]}"
        for row in rows
        if row["result"] == "survived" and line_key(row) in equivalent
      ],
      "None.",
    )
  )
  parts.append(_by_hand(folder))
  return "\n".join(parts)


def _by_file(rows, equivalent, total) -> str:
  names = sorted({row["file"] for row in rows})
  table = [
    _line(name, counts([r for r in rows if r["file"] == name], equivalent))
    for name in names
  ]
  header = ("file", "drawn", "own", "package", "equivalent", "survived")
  rows = [header, *table, _line("all", total)]
  return f"## By file\n\n{markdown(rows)}\n"


def _line(name: str, found: Mapping[str, int]) -> list[str]:
  return [name.removeprefix("gr_jax/"), *map(str, found.values())]


def _survivors(rows, equivalent) -> list[str]:
  return [
    _change(row)
    for row in rows
    if row["result"] == "survived" and line_key(row) not in equivalent
  ]


def _by_hand(folder: pathlib.Path) -> str:
  """Faults that the tests once did not see, and what sees them."""
  killed = {
    (row["file"], row["before"]): row["why"].split(": ")[0]
    for row in load_record(folder / "by_hand_record.jsonl").values()
    if row["result"] != "survived"
  }
  written = json.loads((folder / "by_hand.json").read_text())
  table = [
    [
      row["file"].removeprefix("gr_jax/"),
      row["what"],
      f"`{killed[row['file'], row['before']].split('::')[-1]}`"
      if (row["file"], row["before"]) in killed
      else "nothing",
    ]
    for row in written
  ]
  header = ("file", "fault", "seen by")
  return f"## Written faults\n\n{markdown([header, *table])}\n"


def _change(row: Mapping) -> str:
  before, after = (" ".join(row[name].split()) for name in ("before", "after"))
  place = f"{row['file'].removeprefix('gr_jax/')}:{row['line']}"
  return f"`{place}`: `{before}` to `{after}`"


def _list(title: str, lines: Sequence[str], empty: str) -> str:
  body = "\n".join(f"* {line}" for line in lines) or empty
  return f"## {title}\n\n{body}\n"
