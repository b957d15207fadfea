"""The SA2CRQ study as Markdown: the paper's tables with rows of our own."""

from collections.abc import Mapping, Sequence

from experiments.studies.claim_table import made_by, markdown
from experiments.studies.sa2crq_measure import (
  ALL,
  INVALID,
  ITEMS,
  MRRS,
)
from experiments.studies.sa2crq_paper import (
  COLUMNS,
  printed_table_1,
  printed_table_2,
  short,
)
from gr_jax.evaluation.results import select

_METHOD = """\
All arms share data, item vectors, and all but DSI, NCI and the baselines the
generator, its steps and the beam of {beam} IDs; RQ-VAE, TIGER, ACRQ, SARQ and
SA2CRQ also the autoencoder and its steps. {items:,} items; {requests} of
{users:,} users, of the test period. An ID stands for its items, in the order of
the IDs, the most popular of an ID first. Items of equal codes share an ID but
for TIGER, which numbers them. *head*: items that hold 80 % of the training
purchases, *tail*: the others, *new*: those of the tail that nobody had bought;
a request counts where such an item was clicked. **Hallu** is the share of a
free beam that names nothing, **items** (the paper's Ret-Per) how many items the
valid IDs of a beam name.

**Two readings of recall.** *R@all* counts all items that a beam of {beam} IDs
names, as the paper does: an arm with more items behind an ID shows more of the
catalogue. *R@k* with k up to {beam} gives every arm equally many items (TIGER's
IDs name one each) and is the fair one. Above that an arm with single items has
none left; TIGER is asked with a wider beam as well, to name as many as the
short IDs do. *semantic* requests are the query alone, *personalised* ones have
profile and history too.

**Two readings of a beam.** The paper does not say that its beam is held in the
catalogue, so its table is repeated with a free beam, whose hallucinations are
answers lost. What the rest of this page says is inside the catalogue, where
nothing is hallucinated.

`tau` is given in average items: an ID goes on while what was bought on its path
is worth that many. The paper's 5e-7, 1e-6 and 2e-6 of 5M items are 2.5, 5 and
10. DPR was tuned on the validation period; DSI and NCI learn from requests
alone, without made-up queries."""

# Of a source, what its figures hang on.
_NOTES = {
  "complete_journey": """\
**The queries are product types in natural words**, of something that was then
bought, and item texts hold such words: BM25 and DPR find nearly everything in a
hundred items. How generators compare is what this page is about; how they stand
to the baselines is told by `configs/cq_sid.py`, whose generator learns ten
times
as long and is told counts.""",
}

_DIFFERENCES = """\
In percent; in brackets the 95 % interval of the difference to {baseline} per
request (bootstrap over users, seeds pooled), then how many seeds agree with its
sign; bold where the interval leaves out 0. Inside the catalogue; Hallu of the
free beam."""

_FAIR = ("recall@10", "recall@50", "recall@100", "recall@200", *MRRS)
_WIDE = (ALL, "recall@500", ITEMS, *INVALID)


def page(study: Mapping) -> str:
  """The whole page of what `sa2crq_claim.run` found."""
  requests = ", ".join(f"{n:,} {k}" for k, n in study["requests"].items())
  method = _METHOD.format(
    beam=study["beam"],
    items=study["items"],
    requests=requests,
    users=study["users"],
  )
  against = study["labels"][study["baseline"]]
  note = _NOTES.get(study["config"]["data"]["source"])
  blocks = ["# What SA2CRQ's semantic IDs bring", method]
  blocks += [*filter(None, [note]), "## Table 1"]
  for kind in study["requests"]:
    blocks += [f"{kind.capitalize()} requests, a free beam:"]
    blocks += [paper_table(study, kind)]
  blocks += ["The paper's own (its data, its sizes):", printed_table_1()]
  blocks += [
    "## Differences",
    _DIFFERENCES.format(baseline=against),
  ]
  for kind in study["requests"]:
    blocks += [f"{kind.capitalize()} requests, equally many items:"]
    blocks += [difference_table(study, kind, _FAIR)]
    blocks += [f"{kind.capitalize()} requests, all items of equally many IDs:"]
    blocks += [difference_table(study, kind, _WIDE)]
    blocks += [f"{kind.capitalize()} requests, head, tail and new apart:"]
    blocks += [segment_table(study, kind)]
  blocks += ["## Table 2", id_table(study)]
  blocks += ["The paper's own, in millions of IDs:", printed_table_2()]
  return "\n\n".join([*blocks, made_by(study["origin"])]) + "\n"


def paper_table(study: Mapping, kind: str) -> str:
  """The columns of the paper's table 1, from a free beam.

  Baselines rank items; they have one reading.
  """
  lines = []
  for arm in study["arms"]:
    for segment in ("all", "head", "tail"):
      row = {m: find(study, arm, kind, segment, m, "free") for m in COLUMNS}
      if any(row.values()) and (segment == "all" or _split(study, arm)):
        label = study["labels"][arm] if segment == "all" else f"({segment})"
        lines.append([label, *[_plain(row[m], m) for m in COLUMNS]])
  return markdown(["method", *map(short, COLUMNS)], lines)


def _split(study: Mapping, arm: str) -> bool:
  """Whether head and tail of an arm stand apart in table 1, as there."""
  last = [name for name in study["arms"] if name.startswith("sa2crq")][-1:]
  return arm in ("rq_kmeans", study["baseline"], *last)


def difference_table(study: Mapping, kind: str, metrics: Sequence[str]) -> str:
  """A line per arm; the baseline's own has no differences."""
  columns = [(metric, "all") for metric in metrics]
  return _lines(study, kind, columns, list(map(short, metrics)))


def segment_table(study: Mapping, kind: str) -> str:
  """Head, tail and what nobody had bought, apart."""
  columns = [
    (metric, segment)
    for segment in ("head", "tail", "new")
    for metric in ("recall@100", ALL)
  ]
  head = []
  for metric, segment in columns:
    rows = select(study["rows"], requests=kind, segment=segment)
    asked = max((row["n"] for row in rows), default=0)
    head.append(f"{segment} ({asked:,}) {short(metric)}")
  return _lines(study, kind, columns, head)


def _lines(
  study: Mapping,
  kind: str,
  columns: Sequence[tuple[str, str]],
  head: Sequence[str],
) -> str:
  lines = []
  for arm in study["arms"]:
    cells = []
    for metric, segment in columns:
      decoding = "free" if metric in INVALID else "catalogue"
      row = find(study, arm, kind, segment, metric, decoding)
      cells.append(_cell(row, metric, arm == study["baseline"]))
    lines.append([study["labels"][arm], *cells])
  return markdown(["arm", *head], lines)


def find(
  study: Mapping,
  arm: str,
  kind: str,
  segment: str,
  metric: str,
  decoding: str,
) -> Mapping | None:
  """A row of the study; a baseline's only ranking stands for both decodings."""
  wanted = {"arm": arm, "requests": kind, "segment": segment, "metric": metric}
  rows = select(study["rows"], **wanted)
  same = select(rows, decoding=decoding)
  if same:
    return same[0]
  generates = select(study["rows"], arm=arm, decoding="free")
  return None if generates or not rows else rows[0]


def _plain(row: Mapping | None, metric: str) -> str:
  if row is None:
    return "-"
  return f"{row['value']:.0f}" if metric == ITEMS else f"{row['value']:.4f}"


def _cell(row: Mapping | None, metric: str, is_baseline: bool) -> str:
  if row is None:
    return "-"
  times, digits = (1, 0) if metric == ITEMS else (100, 1)
  value = f"{times * row['value']:.{digits}f}"
  if is_baseline:
    low, high = (f"{times * row[n]:.{digits}f}" for n in ("low", "high"))
    return f"{value} [{low}, {high}]"
  middle, low, high = (
    f"{times * row[n]:+.{digits}f}" for n in ("difference", "below", "above")
  )
  if row["below"] > 0 or row["above"] < 0:
    middle = f"**{middle}**"
  return f"{value} {middle} [{low}, {high}] {row['agreeing']}/{row['compared']}"


def id_table(study: Mapping) -> str:
  """The paper's table 2 for all arms, and how long the IDs are."""
  head = ["codebooks of the head, or arm", "#SID", "80 %", "90 %", "99 %",
          "99.9 %", "mean", "codes, head", "codes, tail"]  # fmt: skip
  lines = []
  for name in (*study["splits"], *study["arms"]):
    row = study["ids"].get(name)
    if row:
      lines.append(
        [
          study["labels"][name],
          f"{row['ids']:,.0f}",
          *[f"{q:.1f}" for q in row["quantiles"]],
          f"{row['items_per_id']:.3f}",
          f"{row['length_head']:.2f}",
          f"{row['length_tail']:.2f}",
        ]
      )
  return markdown(head, lines)
