r"""How much predicted values count when a beam is ranked.

The order of an answer is that of `log P + gamma log v` (`decoding/
value_ranking`). Validation requests choose `gamma` by what was really worth
something, the logged value of the targets among the first ten: the smallest
that is not below the best by more than the standard error of their difference.
`[OURS]`
"""

import json
import pathlib
import sys
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh

from experiments.pipeline.network_share import smallest_of_best
from experiments.pipeline.value_predictions import with_fitted_scale
from gr_jax.artefacts import write_json
from gr_jax.data import request_lists
from gr_jax.data.requests import VALID, Requests
from gr_jax.decoding.value_ranking import valued_scores
from gr_jax.evaluation import worth
from gr_jax.generators.reading import AnyWriter
from gr_jax.generators.values import save_values
from gr_jax.parallel import hosts
from gr_jax.retrieval.retriever import Retrieved, Retriever
from gr_jax.rl.prompts import clicked_requests
from gr_jax.tokenizers.semantic_ids import SemanticIds

# The file beside a generator: the figures of every `gamma`.
VALUE_RERANK = "value_rerank.json"

CUTOFF, _BEAM, _BATCH, _REQUESTS = 10, 50, 32, 1000


def best_rerank(
  found: Retrieved,
  requests: Requests,
  rows: np.ndarray,
  semantic_ids: SemanticIds,
  *,
  choices: Sequence[float],
) -> tuple[float, list[dict[str, float]]]:
  """The best of `choices`, and the figures of each.

  They are `{"rerank", "value", "lost", "error"}`: the mean value of the first
  ten, what the best choice has more, and the standard error of that.
  """
  log_probs = np.where(found.ids >= 0, found.log_probs, -np.inf)
  earned = {}
  for gamma in sorted(choices):
    scores = np.asarray(valued_scores(log_probs, found.values, gamma))
    order = np.argsort(-scores, axis=1, kind="stable")[:, :CUTOFF]
    ids = np.take_along_axis(found.ids, order, axis=1)
    earned[float(gamma)] = worth.found_in_log(
      ids, requests, rows, id_of_item=semantic_ids.id_of_item
    )
  best = max(earned.values(), key=np.mean)
  figures = [
    {
      "rerank": gamma,
      "value": float(value.mean()),
      "lost": float((best - value).mean()),
      "error": float((best - value).std() / np.sqrt(max(len(value), 1))),
    }
    for gamma, value in earned.items()
  ]
  return smallest_of_best(earned), figures


def with_best_rerank(
  variables: Any,
  requests: Requests,
  *,
  model: Any,
  writer: AnyWriter,
  semantic_ids: SemanticIds,
  choices: Sequence[float],
  seed: int,
  directory: pathlib.Path,
  mesh: Mesh | None,
) -> None:
  """Writes the values of a generator, scaled and ranked as validation wants.

  Args:
    variables: all that the generator reads, `{"values": ...}` among it.
    requests: the log, whose validation requests choose; without any the largest
      choice is taken.
    model: the generator.
    writer: the writer of its prompts.
    semantic_ids: the IDs of the catalogue.
    choices: of `gamma`.
    seed: draws the validation requests.
    directory: receives the values and the figures.
    mesh: the devices that search; None = each host by itself.
  """
  variables = with_fitted_scale(
    variables,
    requests,
    model=model,
    writer=writer,
    semantic_ids=semantic_ids,
    seed=seed,
  )
  chosen, figures = max(choices), []
  rows = clicked_requests(requests, split=VALID)
  if len(rows) and len(choices) > 1:
    rng = np.random.default_rng(seed)
    rows = request_lists.sample(rows, count=_REQUESTS, rng=rng)
    retriever = Retriever(
      model, variables, semantic_ids, batch_size=_BATCH, mesh=mesh
    )
    found = retriever.search(
      writer.prompts(rows, shown=np.ones(len(rows), bool)),
      writer.queries(requests.query[rows]),
      beam_size=min(_BEAM, semantic_ids.num_ids),
    )
    chosen, figures = best_rerank(
      found, requests, rows, semantic_ids, choices=choices
    )
  if not hosts.is_first():
    return
  write_json(directory / VALUE_RERANK, {"chosen": chosen, "tried": figures})
  if figures:
    tried = ", ".join(f"{x['rerank']:g}: {x['value']:.4g}" for x in figures)
    print(
      f"values count {chosen:g} times in the order of answers, by the logged "
      f"value of the first {CUTOFF} on validation requests ({tried})",
      file=sys.stderr,
      flush=True,
    )
  values = jax.device_get(variables["values"])
  save_values(directory, {"values": values | {"rerank": np.float32(chosen)}})


def choices_of(directory: pathlib.Path) -> list[float]:
  """What `with_best_rerank` chose among in the folder of a generator."""
  found = json.loads((directory / VALUE_RERANK).read_text())
  return [row["rerank"] for row in found["tried"]] or [found["chosen"]]
