"""After training: the model beside every baseline, on validation requests.

The test says how good a model is; this says whether training it was worth
while, before the test is looked at, and what to do if a baseline is above it.
"""

from collections.abc import Sequence

from experiments.pipeline.eval_requests import EvalRequests
from experiments.pipeline.evaluator import Evaluator
from gr_jax.evaluation import results
from gr_jax.evaluation.report.verdicts import MAIN, METRIC


def second_look(
  evaluator: Evaluator, validation: Sequence[EvalRequests], *, count: int
) -> list[dict]:
  """Recall@10 at the item level of every system on validation requests.

  Args:
    evaluator: of the run; its models and baselines are looked at.
    validation: requests of the validation period, of every kind.
    count: the number of requests of each kind, at most.

  Returns:
    Rows of `results.rows`, seen items kept and, where anything was seen, taken
    out. Empty where there are no validation requests.
  """
  wanted = {"level": MAIN["level"], "segment": MAIN["segment"], **METRIC}
  rows = []
  for requests in validation:
    part = requests.first(count)
    for seen in ("kept", "out"):
      if seen == "kept" or len(part.seen.rows):
        found, _ = evaluator.results(part, seen)
        rows += results.select(found, **wanted)
  return rows
