"""The bars of the recipe that never loses to counting; none is a paper's."""

import dataclasses
from collections.abc import Iterable, Mapping

from experiments.studies.claims import (
  ABOVE,
  NOT_BELOW,
  Claim,
  at_least,
  at_most,
  table,
  value,
)
from experiments.studies.never_lose_runs import MODEL

# The baseline of the highest mean in a row, and all worlds together.
BEST, ALL = "best_baseline", "all_worlds"
# A target of the tail was bought fewer times in training.
RARE = 10

# The trees beside themselves without the model, and beside the model.
PAIRS = (
  ("boosted_model", "boosted"),
  ("boosted_all_model", "boosted_all"),
)

METHOD = """\
Each world is a set of data, and nothing else of the recipe is set: sizes and
steps follow from the data, and what is chosen is chosen on validation. The
model and all baselines answer the same requests of the test period; figures are
of items, ten answers. *semantic* requests are a query alone, *personalised*
ones have a history too, *next_basket* is the history alone. *kept* counts all
targets, *out* takes what a user had bought before out of targets and answers.
*tail* targets were bought fewer than {rare} times in the training period,
*head* are the others, *new* nobody had bought. In worlds whose name ends in
*cold* a tenth of the items was taken out of the training period.

**The best baseline is chosen after looking**, for every row: the one with the
highest mean there, which favors the baselines. Below and above mean that the
95 % interval of the paired difference leaves out 0; it draws users and, where
there are several, seeds.

Beside the baselines of a report: `counts_and_texts` adds what follows the
history to what reads like it, without a network; `blend_of_counts` is a
logistic regression on own counts, counts of the query and popularity, fitted on
validation. `boosted` are trees over beam and counts, fitted on validation,
`boosted_model` with the model's log-probability beside them, `boosted_all` with
all features of candidates; they are no baselines of the first table."""


def verdicts(rows: Iterable[Mapping]) -> dict[str, float]:
  """How often the model is below or above the best baseline.

  Of the rows of all targets, recall and nDCG: `rows`, and the shares
  `not_below` and `above`; of those of the tail: `tail_not_below`.
  """
  beside = [
    row for row in rows if (row["arm"], row["baseline"]) == (MODEL, BEST)
  ]
  of = {
    segment: [row for row in beside if f"/{segment}/" in row["metric"]]
    for segment in ("all", "tail")
  }
  found: dict[str, float] = {"rows": len(of["all"])}
  if of["all"]:
    found["not_below"] = _share(row["high"] >= 0 for row in of["all"])
    found["above"] = _share(row["low"] > 0 for row in of["all"])
  if of["tail"]:
    found["tail_not_below"] = _share(row["high"] >= 0 for row in of["tail"])
  return found


def _share(marks: Iterable[bool]) -> float:
  marks = list(marks)
  return sum(marks) / len(marks)


BEAUTY, TAUGHT = "amazon_beauty", "amazon_beauty_valid_trains"
PURCHASES, SMALL = "complete_journey", "small"
COLD = ("amazon_beauty_cold", "complete_journey_cold")
_ASKED = ("personalised", "next_basket")


def _each(system: str, rows: Iterable[tuple], worlds: tuple[str, ...] = ()):
  return table(system, "", [(text, "", *rest) for text, *rest in rows], worlds)


def _beside_best() -> Iterable[tuple]:
  for seen in ("kept", "out"):
    for metric in ("recall@10", "ndcg@10"):
      yield (
        f"not below the best baseline, seen {seen}, {metric}",
        f"{{kind}}/{seen}/all/{metric}", MODEL, BEST, NOT_BELOW,
      )  # fmt: skip
    yield (
      f"rare targets: not below the best baseline, seen {seen}",
      f"{{kind}}/{seen}/tail/recall@10", MODEL, BEST, NOT_BELOW,
    )  # fmt: skip


def _figure(text: str, metric: str, bar, arm: str = MODEL) -> tuple:
  return text, metric, arm, "", bar, value


_TEN = "next_basket/out/{}/recall@10"

CLAIMS: tuple[Claim, ...] = (
  *_each("never-lose", (
    _figure("never below the best baseline, share of rows",
            "rows/not_below", at_least(1)),
    _figure("above the best baseline, share of rows",
            "rows/above", at_least(2 / 3)),
    _figure("rare targets: never below the best baseline, share of rows",
            "rows/tail_not_below", at_least(1)),
    _figure("parameters, the largest model", "run/parameters", at_most(13e6)),
    _figure("minutes, the longest run", "run/minutes", at_most(120)),
  ), (ALL,)),
  *[
    dataclasses.replace(one, optional=True)
    for one in _each("never-lose", _beside_best())
  ],
  *_each("never-lose", (
    _figure("Beauty, train items alone: recall@10",
            _TEN.format("all"), at_least(0.105)),
    ("Beauty: targets bought fewer than ten times, above item-item",
     _TEN.format("tail"), MODEL, "item_knn", ABOVE),
    ("Beauty: targets that nobody bought, above 0",
     _TEN.format("new"), MODEL, "popularity", ABOVE),
  ), (BEAUTY,)),
  *_each("never-lose", (
    _figure("Beauty, validation items learned: recall@10",
            _TEN.format("all"), at_least(0.115)),
  ), (TAUGHT,)),
  *_each("never-lose", (
    *[
      (f"purchases, {kind}: above the best baseline",
       f"{kind}/kept/all/recall@10", MODEL, BEST, ABOVE)
      for kind in _ASKED
    ],
    _figure("purchases, personalised: the boosted ranker's 0.757",
            "personalised/kept/all/recall@10", at_least(0.757)),
    _figure("purchases, next basket: the boosted ranker's 0.200",
            "next_basket/kept/all/recall@10", at_least(0.2)),
    *[
      (f"purchases without seen items, {kind.replace('_', ' ')}: above {other}",
       f"{kind}/out/all/recall@10", MODEL, other, ABOVE)
      for kind in ("personalised", "next_basket")
      for other in ("popularity", "item_knn")
    ],
    *[
      (f"purchases, {kind}: a ranker over {what} gains by the model",
       f"{kind}/kept/all/recall@10", *pair, ABOVE)
      for pair, what in zip(PAIRS, ("counts", "all features"))
      for kind in _ASKED
    ],
    _figure("purchases: minutes of the whole run",
            "run/minutes", at_most(12)),
  ), (PURCHASES,)),
  *_each("never-lose", (
    ("cold: targets that nobody bought, above nearest vectors",
     "next_basket/kept/new/recall@10", MODEL, "nearest", ABOVE),
    ("cold: targets that nobody bought, above vectors of the history",
     "next_basket/kept/new/recall@10", MODEL, "nearest_history", ABOVE),
  ), COLD),
  *_each("never-lose", (
    ("cold, personalised: targets that nobody bought, above nearest vectors",
     "personalised/kept/new/recall@10", MODEL, "nearest", ABOVE),
    ("cold, semantic: targets that nobody bought, above nearest vectors",
     "semantic/kept/new/recall@10", MODEL, "nearest", ABOVE),
  ), COLD[1:]),
  *_each("never-lose", (
    ("small data: above every baseline",
     "next_basket/out/all/recall@10", MODEL, BEST, ABOVE),
    _figure("small data: seconds of training", "run/seconds", at_most(180)),
  ), (SMALL,)),
)  # fmt: skip
