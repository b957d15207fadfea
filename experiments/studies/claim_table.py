"""The CQ-SID study as Markdown: a page that says what came out."""

from collections.abc import Mapping, Sequence

from experiments.studies.arms import ARMS
from gr_jax.evaluation.results import select

_METHOD = """\
Arms share vectors, encoder, codebook sizes and rule, training steps, the
generator and its steps; items with equal codes share an ID, as in the paper.
Every arm was trained with {seeds} (of tokenizer and generator) and asked the
same requests of the test period: *semantic* with the query alone,
*personalised* with query, profile and history. A hit is a clicked item among
the answers of a beam of that width, each width searched by itself; in percent
of the requests. In brackets the 95 % interval of the difference to {baseline}
per request (bootstrap over users, seeds pooled), then how many seeds agree with
its sign; bold where the interval leaves out 0. The last column is the beam at
which an arm reaches the hit rate that {baseline} has at beam {widest}.

**Read the two levels together.** At the level of IDs an answer is an ID, and an
arm with fewer distinct IDs, more items behind each, has the easier task: see
"most popular IDs", which no model is needed for. At the level of items an
answer is one item (those behind an ID by popularity), and every arm gives
equally many.

**In both worlds a query all but names a category.** Those of the purchases are
derived from the product type of a bought item, those of the shop are drawn from
the words of a category and its sub-clusters. That favours IDs whose first code
is the category; typed queries may favour them less.

The paper (arXiv 2605.14434, other data, semantic, beams 1/10/100) reports
+26.8/+22.6/+18.9 % relative to an RQ-VAE, and about half the beam for equal
hit rate."""


def page(study: Mapping) -> str:
  """The whole page of what `cq_sid_claim.run` found."""
  arms, widest = study["arms"], max(study["beams"])
  count = len(study["seeds"])
  method = _METHOD.format(
    seeds=f"{count} seed{'s' * (count > 1)}",
    baseline=ARMS[arms[0]].label,
    widest=widest,
  )
  blocks = ["# What categories and queries do for semantic IDs", method]
  for name, world in study["worlds"].items():
    blocks += [
      f"## {name.replace('_', ' ')}",
      f"{world['items']:,} items, {world['requests']:,} requests of "
      f"{world['users']:,} users; codes per level: "
      f"{', '.join(map(str, world['level_sizes']))}.",
      id_table(world, widest=widest),
      hit_table(world, beams=study["table_beams"], widest=widest),
    ]
  return "\n\n".join([*blocks, made_by(study["origin"])]) + "\n"


def id_table(world: Mapping, *, widest: int) -> str:
  """How crowded the IDs are and what that alone is worth."""
  head = [
    "arm",
    "distinct IDs",
    "items per ID",
    "at an item's ID",
    "largest",
    f"items named by beam {widest}",
    f"most popular {widest} IDs hit",
  ]
  lines = []
  for row in world["ids"]:
    at_widest = select(world["hits"], arm=row["arm"], level="id", beam=widest)
    named = [hit["named"] for hit in at_widest]
    lines.append(
      [
        ARMS[row["arm"]].label,
        f"{row['ids']:,.0f}",
        f"{row['items_per_id']:.2f}",
        f"{row['items_at_an_items_id']:.1f}",
        f"{row['largest']:.0f}",
        f"{sum(named) / len(named):.0f}",
        f"{100 * at_widest[0]['popular']:.1f}",
      ]
    )
  return markdown(head, lines)


def hit_table(world: Mapping, *, beams: Sequence[int], widest: int) -> str:
  """Hit rates and differences of all arms, both kinds and both levels."""
  head = ["requests, level", "arm", *[f"beam {beam}" for beam in beams]]
  head.append(f"equal to {widest}")
  lines = []
  for width in world["widths"]:
    key = {name: width[name] for name in ("requests", "level", "arm")}
    rows = {row["beam"]: row for row in select(world["hits"], **key)}
    lines.append(
      [
        f"{width['requests']}, {width['level']}",
        ARMS[width["arm"]].label,
        *[_cell(rows[beam], world["arms"][0]) for beam in beams],
        _width(width, widest, world["arms"][0]),
      ]
    )
  return markdown(head, lines)


def _cell(row: Mapping, baseline: str) -> str:
  value = f"{100 * row['value']:.1f}"
  if row["arm"] == baseline:
    return value
  difference, low, high = (
    f"{100 * row[name]:+.1f}" for name in ("difference", "low", "high")
  )
  if row["low"] > 0 or row["high"] < 0:
    difference = f"**{difference}**"
  agreeing = f"{row['agreeing']:.0f}/{row['seeds']}"
  return f"{value} {difference} [{low}, {high}] {agreeing}"


def _width(row: Mapping, widest: int, baseline: str) -> str:
  value, low, high = (
    f"> {widest}" if row[name] is None else f"{row[name]:.0f}"
    for name in ("value", "low", "high")
  )
  return value if row["arm"] == baseline else f"{value} [{low}, {high}]"


def markdown(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
  """A table whose columns also line up as plain text."""
  widths = [max(map(len, column)) for column in zip(head, *lines)]
  rows = [
    "| " + " | ".join(cell.ljust(w) for cell, w in zip(row, widths)) + " |"
    for row in [head, *lines]
  ]
  rows.insert(1, "|" + "|".join("-" * (w + 2) for w in widths) + "|")
  return "\n".join(rows)


def made_by(origin: Mapping) -> str:
  """What someone needs to make a table again, as its last lines."""
  versions = ", ".join(f"{k} {v}" for k, v in origin["versions"].items())
  return (
    f"Made by\n\n    {origin['command']}\n\nseeds "
    f"{', '.join(map(str, origin['seeds']))}; commit {origin['commit']}; "
    f"{origin['machine']}; {versions}; {origin['minutes']:.0f} minutes."
  )
