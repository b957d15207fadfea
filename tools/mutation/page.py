"""The page of stored mutants: what was killed, and why the rest survives."""

import json
import pathlib
from collections.abc import Container, Mapping, Sequence

from gr_jax.evaluation.report.text_table import markdown
from tools.mutation.record import line_key, load_equivalent, load_record

_HEAD = """\
# Do the tests fail when the code is wrong?

A mutant is one small wrong change of the code: `<` for `<=`, a term or a mask
that is dropped, another axis. It is killed when a test fails. A seed draws a
sample over the functions of
{rooms};
annotations, defaults, constants of modules and the text of errors are left out.
Each mutant meets the test file that mirrors its own file (*own*), and what
survives it the other tests of its package (*package*). *Equivalent* mutants
change nothing that can be seen; each has its reason below, and shares leave
them out. Tests were then written for what survived its own test file at first:
only *at first* says what to expect of mutants that nobody has looked at.

{samples}

{commands}

Made by `python tools/mutate.py --page`; the code is that of {commits}.
"""


def counts(
  rows: Sequence[Mapping], equivalent: Container[tuple]
) -> dict[str, int]:
  """The number of rows by outcome, and of those that survived at first."""
  found = dict.fromkeys(
    ("drawn", "mirror", "wider", "equivalent", "survived", "first"), 0
  )
  found["drawn"] = len(rows)
  for row in rows:
    same = row["result"] == "survived" and line_key(row) in equivalent
    found["equivalent" if same else row["result"]] += 1
    found["first"] += row["first"] == "survived" and not same
  return found


def page(folder: pathlib.Path, *, rooms: Sequence[str]) -> str:
  """The page of a folder: samples, `equivalent.json`, `by_hand.json`.

  Args:
    folder: where they lie.
    rooms: the packages that the samples are drawn from.
  """
  samples = {
    path.stem.replace("_", " "): list(load_record(path).values())
    for path in sorted(folder.glob("seed_*.jsonl"))
  }
  rows = [row for sample in samples.values() for row in sample]
  equivalent = load_equivalent(folder)
  survived = [row for row in rows if row["result"] == "survived"]
  same = {_change(r): equivalent.get(line_key(r)) for r in survived}
  parts = [
    _HEAD.format(
      rooms=", ".join(rooms),
      samples=_samples(samples, equivalent),
      commands="\n".join(
        f"    python tools/mutate.py --{name.replace(' ', '=')} "
        f"--count={len(sample)}"
        for name, sample in samples.items()
      ),
      commits=", ".join(sorted({row["commit"] for row in rows})),
    ),
    _by_file(rows, equivalent),
    _list("Survivors", [name for name, why in same.items() if why is None]),
    _list(
      "Equivalent mutants",
      [f"{name}: {why}" for name, why in same.items() if why],
    ),
    _by_hand(folder),
  ]
  return "\n".join(parts)


def _samples(samples: Mapping, equivalent: Container[tuple]) -> str:
  table = [("sample", "drawn", "equivalent", "survived at first", "now")]
  for name, rows in samples.items():
    found = counts(rows, equivalent)
    total = found["drawn"] - found["equivalent"]
    shares = [
      f"{found[key]} ({100 * found[key] / max(1, total):.1f} %)"
      for key in ("first", "survived")
    ]
    table.append((name, str(found["drawn"]), str(found["equivalent"]), *shares))
  return markdown(table)


def _by_file(rows: Sequence[Mapping], equivalent: Container[tuple]) -> str:
  table = [("file", "drawn", "own", "package", "equivalent", "survived")]
  for name in sorted({row["file"] for row in rows}):
    of_file = [row for row in rows if row["file"] == name]
    table.append(_line(name.removeprefix("gr_jax/"), of_file, equivalent))
  table.append(_line("all", rows, equivalent))
  return f"## By file\n\n{markdown(table)}\n"


def _line(name: str, rows, equivalent) -> tuple[str, ...]:
  found = counts(rows, equivalent)
  del found["first"]
  return name, *map(str, found.values())


def _by_hand(folder: pathlib.Path) -> str:
  """Faults that the tests once did not see, and what sees them."""
  record = load_record(folder / "by_hand_record.jsonl").values()
  seen_by = {
    (row["file"], row["before"]): row["why"].split(": ")[0].split("::")[-1]
    for row in record
    if row["result"] != "survived"
  }
  table = [("file", "fault", "seen by")]
  for row in json.loads((folder / "by_hand.json").read_text()):
    test = seen_by.get((row["file"], row["before"]))
    name = row["file"].removeprefix("gr_jax/")
    table.append((name, row["what"], f"`{test}`" if test else "nothing"))
  return f"## Written faults\n\n{markdown(table)}\n"


def _change(row: Mapping) -> str:
  before, after = (" ".join(row[name].split()) for name in ("before", "after"))
  place = f"{row['file'].removeprefix('gr_jax/')}:{row['line']}"
  return f"`{place}`: `{before}` to `{after}`"


def _list(title: str, lines: Sequence[str]) -> str:
  body = "\n".join(f"* {line}" for line in lines) or "None."
  return f"## {title}\n\n{body}\n"
