"""How much of a network's scores is used beside its candidates.

Training lowers the loss over all codes; places among the first ten may get
worse meanwhile, where candidates know what a request wants. So the network's
part of a generator, its scores and its gates of candidates, is used for each
kind of requests with a share that is chosen by recall@10 on validation
requests: the smallest that is not below the best by more than the standard
error of their difference, as trees are cut (Breiman et al. 1984, the 1-SE
rule). A share of 0 leaves the candidates as they were fitted. `[OURS]`
"""

import pathlib
import sys
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
from flax import linen as nn
from flax import traverse_util
from jax.sharding import Mesh

from experiments.pipeline.eval_requests import draw_eval_requests
from experiments.pipeline.prepare import Data
from experiments.pipeline.untrained import Untrained
from gr_jax.artefacts import write_json
from gr_jax.candidates.candidates import KINDS
from gr_jax.data.requests import VALID
from gr_jax.data.row_lists import RowLists
from gr_jax.data.target_values import TargetValues
from gr_jax.evaluation import metrics, worth
from gr_jax.generators.prompts.writer import Prompt, PromptWriter
from gr_jax.parallel import hosts
from gr_jax.retrieval.retriever import Retriever
from gr_jax.tokenizers.semantic_ids import SemanticIds

# The file beside a generator that reads candidates: `choose`'s figures.
NETWORK_SHARE = "network_share.json"

SHARES = (1.0, 0.5, 0.25, 0.0)
_CUTOFF, _BEAM, _BATCH = 10, 50, 16


def with_shares(params: Any, shares: Mapping[str, float]) -> Any:
  """Parameters of which the network says `shares` as much.

  Args:
    params: trained, in nested dicts.
    shares: by kind of requests; of other kinds all is used.
  """

  def replaced(path: tuple[str, ...], value: Any) -> Any:
    if path[-2:] != ("candidates", "used"):
      return value
    used = np.array([shares.get(kind, 1.0) for kind in KINDS], np.float32)
    return jax.device_put(used, getattr(value, "sharding", None))

  return traverse_util.path_aware_map(replaced, params)


class ValidationRequests(NamedTuple):
  """Requests of one kind, as a retriever reads them.

  Attributes:
    kind: their kind.
    prompt: of `R` requests.
    queries: `[R, Wq]` tokens.
    wanted: the IDs of the targets of each.
    values: what the log says that each of these targets is worth.
  """

  kind: str
  prompt: Prompt
  queries: np.ndarray
  wanted: RowLists
  values: np.ndarray


def validation_requests(
  data: Data,
  writer: PromptWriter,
  semantic_ids: SemanticIds,
  *,
  count: int,
  seed: int,
) -> list[ValidationRequests]:
  """Up to `count` validation requests of each kind; none without any."""
  drawn = draw_eval_requests(data.requests, split=VALID, count=count, seed=seed)
  paid, found = TargetValues(data.requests), []
  for some in drawn:
    wanted = some.relevant(some.hidden("kept"))
    ids = RowLists(wanted.offsets, semantic_ids.id_of_item[wanted.rows])
    prompt, queries = some.prompts(writer)
    rows = np.repeat(some.rows, wanted.sizes)
    values = paid.of(rows, wanted.rows)
    found.append(ValidationRequests(some.kind, prompt, queries, ids, values))
  return found


def make_retriever(
  model: nn.Module,
  variables: Any,
  semantic_ids: SemanticIds,
  mesh: Mesh | None,
) -> Retriever:
  """What answers validation requests, as `Retriever`."""
  return Retriever(model, variables, semantic_ids, batch_size=_BATCH, mesh=mesh)


def recalls(
  retriever: Retriever, requests: Sequence[ValidationRequests]
) -> dict[str, np.ndarray]:
  """Recall@10 of IDs `[R]` by kind of request, seen items kept.

  Hosts share the requests, and each gets the figures of all.

  NaN where a request has no target.
  """
  place = metrics.METRICS.index("recall")
  return {
    some.kind: metrics.request_metrics(
      _found(retriever, some), some.wanted, cutoffs=(_CUTOFF,)
    )[:, place, 0]
    for some in requests
  }


def found_values(
  retriever: Retriever, requests: Sequence[ValidationRequests]
) -> dict[str, np.ndarray]:
  """What the targets among the first ten IDs are worth `[R]`, as `recalls`."""
  return {
    some.kind: worth.found(
      _found(retriever, some)[:, :_CUTOFF],
      some.wanted.owners,
      some.wanted.rows,
      some.values,
    )
    for some in requests
  }


def _found(retriever: Retriever, requests: ValidationRequests) -> np.ndarray:
  beam = min(_BEAM, retriever.semantic_ids.num_ids)
  return hosts.rows_by_all(
    lambda rows: retriever.search(*rows, beam_size=beam).ids,
    (requests.prompt, requests.queries),
  )


def smallest_of_best(found: Mapping[float, np.ndarray]) -> float:
  """The least share that may be as good as the best one.

  Args:
    found: the figure of each request `[R]`, by share; NaN where there is none.
  """
  best = max(found.values(), key=np.nanmean)
  for share in sorted(found):
    lost = best - found[share]
    lost = lost[~np.isnan(lost)]
    error = lost.std() / np.sqrt(max(len(lost), 1))
    if not len(lost) or lost.mean() <= error:
      return share
  raise AssertionError("the best one loses nothing")


def choose(
  retriever: Retriever,
  variables: Any,
  requests: Sequence[ValidationRequests],
  *,
  shares: Sequence[float] = SHARES,
) -> tuple[dict[str, float], list[dict]]:
  """The best share of each kind of requests, and the figures of all.

  Args:
    retriever: searches with the generator.
    variables: all that its model reads, on this host.
    requests: the validation requests.
    shares: those that are tried.

  Returns:
    The shares of the kinds that validation has, and rows `{"requests",
    "share", "value", "chosen"}` of recall@10.
  """
  if not requests:
    return {}, []
  found = {}
  for share in shares:
    some = with_shares(variables, dict.fromkeys(KINDS, share))
    found[share] = recalls(retriever.with_variables(some), requests)
  best = {
    some.kind: smallest_of_best(
      {share: values[some.kind] for share, values in found.items()}
    )
    for some in requests
  }
  rows = [
    {
      "requests": kind,
      "share": share,
      "value": float(np.nanmean(values[kind])),
      "chosen": share == chosen,
    }
    for kind, chosen in best.items()
    for share, values in found.items()
  ]
  if hosts.is_first():
    print(_sentence(rows), file=sys.stderr, flush=True)
  return best, rows


def _sentence(rows: Sequence[dict]) -> str:
  said = []
  for chosen in (row for row in rows if row["chosen"]):
    tried = [row for row in rows if row["requests"] == chosen["requests"]]
    figures = ", ".join(f"{x['share']:g}: {x['value']:.3f}" for x in tried)
    said.append(f"{chosen['requests']} {chosen['share']:g} ({figures})")
  return (
    "network: the share of its scores that is used, by recall@10 on validation "
    f"requests: {'; '.join(said)}"
  )


def with_best_shares(
  params: Any,
  counts: Any,
  untrained: Untrained,
  directory: pathlib.Path,
  *,
  mesh: Mesh | None,
) -> Any:
  """The parameters, of the network as much as validation wants.

  Args:
    params: the trained parameters.
    counts: all else that the network reads.
    untrained: the generator.
    directory: receives the figures.
    mesh: the devices that search; None = each host by itself.
  """
  if untrained.candidates is None:
    return params
  count = untrained.section.candidates.get("share_requests", 0)
  if not count:
    return params
  requests = validation_requests(
    untrained.data,
    untrained.writer,
    untrained.semantic_ids,
    count=count,
    seed=untrained.section.seed,
  )
  own = hosts.own_copy(params | counts)
  retriever = make_retriever(untrained.model, own, untrained.semantic_ids, mesh)
  best, figures = choose(retriever, own, requests)
  if hosts.is_first():
    write_json(directory / NETWORK_SHARE, figures)
  return with_shares(params, best)
