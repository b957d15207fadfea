"""Chooses the setting of a baseline on the validation period."""

import dataclasses
from collections.abc import Collection, Mapping, Sequence

import numpy as np

from experiments.pipeline.eval_requests import EvalRequests, Rank
from gr_jax.data.row_lists import RowLists
from gr_jax.evaluation import intervals, metrics

CUTOFF = 10


@dataclasses.dataclass(frozen=True)
class Choice:
  """A ranker whose setting is the best one on validation.

  Attributes:
    options: the ranker of every setting, the default one first.
    figures: rows `{"requests", "setting", "chosen", "value", "low", "high",
      "n"}`, recall@10 on the validation requests of a kind, seen items kept.
  """

  options: Mapping[str, Rank]
  figures: Sequence[dict]

  def __call__(
    self, requests: EvalRequests, *, k: int, exclude: RowLists | None
  ) -> np.ndarray:
    """`[R, k]` rows with the setting that was chosen for this kind."""
    rank = self.options[self.setting(requests.kind)]
    return rank(requests, k=k, exclude=exclude)

  def setting(self, kind: str) -> str:
    """The chosen setting; the default one without validation requests."""
    default, *_ = self.options
    chosen = {r["requests"]: r["setting"] for r in self.figures if r["chosen"]}
    return chosen.get(kind, default)


def choose(
  options: Mapping[str, Rank],
  validation: Sequence[EvalRequests],
  *,
  needs: Collection[str] = (),
) -> Choice:
  """Takes the setting of the highest recall@10 for each kind of requests.

  Of equal settings the first one is taken, so the simplest should stand first.

  Args:
    options: the ranker of every setting, by a name that says its value.
    validation: requests of the validation period, of every kind; as many, and
      drawn with the same seed, as those of the evaluation.
    needs: what the rankers read of a request, "query" or "history"; kinds that
      do not show it are left out.
  """
  kinds = [some for some in validation if set(needs) <= some.shows]
  # All kinds in one setting after the other: each is fitted once.
  found = {
    setting: [recall_row(rank, requests) for requests in kinds]
    for setting, rank in options.items()
  }
  figures = []
  for place, requests in enumerate(kinds):
    rows = [
      {"requests": requests.kind, "setting": setting, "chosen": False}
      | recalls[place]
      for setting, recalls in found.items()
    ]
    max(rows, key=lambda row: row["value"])["chosen"] = True
    figures += rows
  return Choice(options, figures)


def recall_row(rank: Rank, requests: EvalRequests) -> dict:
  """`{"value", "low", "high", "n"}` of recall@10, seen items kept."""
  hidden = requests.hidden("kept")
  relevant = requests.relevant(hidden)
  ranked = rank(requests, k=CUTOFF, exclude=hidden)
  found = metrics.request_metrics(ranked, relevant, cutoffs=(CUTOFF,))
  recall = found[:, metrics.METRICS.index("recall")]
  return intervals.bootstrap(recall, groups=requests.users).row()
