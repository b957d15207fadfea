"""Sections on the data: how much there is, and requests to look at."""

from collections.abc import Iterable, Mapping, Sequence

from gr_jax.evaluation.report.numbers import share
from gr_jax.evaluation.report.page import Cell, Row, Section, Table
from gr_jax.evaluation.report.svg import plain
from gr_jax.evaluation.report.verdicts import REPEATED, treatments

# Longer texts are cut.
_LONGEST = 45


def data(found: Mapping, sampled: Sequence[Mapping]) -> Section:
  """Counts of the data, and how many of its requests were ranked.

  Args:
    found: `data.statistics.data_statistics`, {} where it is not known.
    sampled: rows `{"requests", "split", "n", "of", "repeated"}`.
  """
  if not found:
    return Section("Data", notes=[_ranked(row) for row in sampled])
  names = ("items", "users", "events", "queries")
  counts = ", ".join(f"{found[n]:,} {n}" for n in names if found[n])
  notes = [f"{counts}.", *_new(found), *(_ranked(row) for row in sampled)]
  return Section("Data", tables=[_splits(found["splits"])], notes=notes)


def _splits(rows: Sequence[Mapping]) -> Table:
  dated = any(row["first"] for row in rows)
  counts = {"with_query": "with a query", "without_query": "without"}
  if not all(any(row[name] for row in rows) for name in counts):
    counts = {"requests": "requests"}  # They are all of one kind.
  counts |= {"users": "users", "targets": "items taken"}
  days = ["first day", "last day"] if dated else []
  lines = []
  for row in rows:
    cells = [Cell(row["split"]), *(Cell(f"{row[n]:,}") for n in counts)]
    if dated:
      cells += [Cell(row["first"] or ""), Cell(row["last"] or "")]
    lines.append(Row(cells))
  return Table(["period", *counts.values(), *days], lines)


def _new(found: Mapping) -> list[str]:
  shares = [
    text.format(share(found[name]))
    for name, text in (
      ("new_items", "{} of the items that were taken are new: nobody took them "
       "in the training period"),
      ("new_users", "{} of the requests are of users who made none in it"),
    )
    if found[name] is not None
  ]  # fmt: skip
  return [f"In the test, {'; '.join(shares)}."] if shares else []


def _ranked(row: Mapping) -> str:
  """Says whether all requests of a kind were ranked, or how many of them."""
  n, of = row["n"], row["of"]
  part = f"all {of:,}" if n == of else f"{n:,} of {of:,}, drawn at random"
  return (
    f"{plain(row['requests']).capitalize()} requests of the {row['split']} "
    f"period that led to a click or order: {part}."
  )


def treatment_notes(sampled: Iterable[Mapping]) -> list[str]:
  """Which figures leave out what users have, and by which rule."""
  rows = {row["requests"]: row for row in sampled}
  kinds = [k for k, seen in treatments(rows.values()).items() if seen == "out"]
  if not kinds:
    return []
  shares = ", ".join(
    f"{plain(kind)} {share(rows[kind]['repeated'])}" for kind in kinds
  )
  return [
    "Nobody takes an item twice here: users had less than "
    f"{share(REPEATED)} of what they take before ({shares}). So the figures "
    "leave out of all answers what the user has; those with it stand under "
    "More figures."
  ]


def examples(rows: Sequence[Mapping]) -> Section:
  """Requests, the first answers and what was taken, the best first."""
  kinds = list(dict.fromkeys(row["requests"] for row in rows))
  parts = [
    Section(
      f"{plain(kind).capitalize()} requests",
      tables=[_answers([r for r in rows if r["requests"] == kind])],
      open=kind == kinds[0],
    )
    for kind in kinds
  ]
  note = (
    "Ten requests of a kind: of all that were ranked, three of those with the "
    "best answers, four about the middle and three of the worst, by the rank "
    "of the first item that was taken; those of one rank are drawn with the "
    "seed of the evaluation. An answer that was taken has a tick."
  )
  return Section("Examples", notes=[note] if rows else [], folds=parts)


def _answers(rows: Sequence[Mapping]) -> Table:
  lines = []
  for row in rows:
    ticks = ("✓ " if one["taken"] else "" for one in row["answers"])
    answers = [
      f"{place}. {tick}{_cut(one['text'])}"
      for place, (tick, one) in enumerate(zip(ticks, row["answers"]), start=1)
    ]
    cells = [
      Cell(row["group"], _rank(row)),
      Cell(*_asked(row)),
      Cell("\n".join(answers)),
      Cell(*_listed(row["taken"], row["targets"])),
    ]
    lines.append(Row(cells))
  return Table(["which", "request", "first answers", "taken"], lines, "texts")


def _asked(row: Mapping) -> tuple[str, str]:
  """The query, and small the history; this alone where nothing was asked."""
  text, more = _listed(row["history"], row["bought"])
  past = "\n".join(part for part in (text, more) if part)
  if row["query"] is None:
    return "", past
  return _cut(row["query"]), f"after\n{past}" if past else ""


def _rank(row: Mapping) -> str:
  if row["rank"] is None:
    return f"not in {row['of']:,} answers"
  return f"found at {row['rank']:,}"


def _listed(texts: Sequence[str], count: int) -> tuple[str, str]:
  """The texts, a line each, and how many there are besides."""
  more = count - len(texts)
  lines = [f"• {_cut(text)}" for text in texts] if count > 1 else texts
  return "\n".join(lines), f"and {more:,} more" if more else ""


def _cut(text: str) -> str:
  return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1].rstrip()}…"
