"""Which parameters an alignment leaves: the aligned ones or those before it.

A generator that reads candidates is aligned with all of its network. How much
of it is used afterwards is chosen anew on validation (`network_share`), and
then both generators are compared as they would be used, by the mean over kinds
of requests of recall@10; where a generator predicts values, by what the targets
among the first ten are worth, as both were ranked before. Without candidates
and values the validation searches of the alignment decide.
"""

import json
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from ml_collections import ConfigDict

from experiments.pipeline import network_share
from experiments.pipeline.stages import Stages
from gr_jax.artefacts import write_json
from gr_jax.parallel import hosts
from gr_jax.rl.policies import split_variables
from gr_jax.training.metric_writer import read_metrics

HITS = "eval/hit_rate@10"
"""The metric of validation requests that decides without candidates."""

_CHOICE = "choice.json"


def choose_params(
  validation: ConfigDict, stages: Stages, aligned: Any, directory: pathlib.Path
) -> Any:
  """The trained parameters that are used; says why in `directory`.

  Args:
    validation: has `requests`, the number of each kind, `seed`, and may have
      `keep_better`: without it the aligned ones are used in any case.
    stages: the generator is the one before.
    aligned: its parameters afterwards.
    directory: the alignment's folder, which has its metrics.
  """
  generator = stages.generator
  before, counts = split_variables(generator.params)
  keeps_better = validation.get("keep_better", False)
  reads = generator.writer.candidates is not None
  searches = reads or ("values" in counts and keeps_better)
  rows = []
  if searches and validation.requests:
    aligned, rows, sentence = _by_search(validation, stages, aligned)
  else:
    sentence = kept_before(read_metrics(directory / "metrics.jsonl"))
  if not keeps_better:
    sentence = ""
  if hosts.is_first():
    found = {"kept_before": sentence, "network_share": rows}
    write_json(directory / _CHOICE, found)
  return before if sentence else aligned


def read_choice(directory: pathlib.Path) -> dict[str, Any]:
  """`kept_before`, why the generator stays as it was, "" where it does not.

  And `network_share`, the rows of `network_share.choose` of the aligned one.
  """
  return json.loads((directory / _CHOICE).read_text())


def kept_before(rows: Sequence[Mapping[str, float]]) -> str:
  """Why the generator stays as it was before an alignment; "" if it does not.

  Args:
    rows: the metrics of the alignment; some have `HITS` on validation.
  """
  found = [row[HITS] for row in rows if HITS in row]
  if not found or found[-1] > found[0]:
    return ""
  return (
    "alignment: the generator stays as it was before; of validation requests "
    f"{found[-1]:.3f} found a target among ten after it, {found[0]:.3f} before"
  )


def _by_search(
  validation: ConfigDict, stages: Stages, aligned: Any
) -> tuple[Any, list[dict], str]:
  """The aligned generator as it would be used, and why it should not be."""
  generator, ids = stages.generator, stages.tokenized.semantic_ids
  _, counts = split_variables(generator.params)
  requests = network_share.validation_requests(
    stages.data,
    generator.writer,
    ids,
    count=validation.requests,
    seed=validation.seed,
  )
  if not requests:
    return aligned, [], ""
  own = hosts.own_copy(aligned | counts)
  retriever = network_share.make_retriever(
    generator.model, own, ids, generator.mesh
  )
  rows = []
  if generator.writer.candidates is not None:
    best, rows = network_share.choose(retriever, own, requests)
    aligned = network_share.with_shares(aligned, best)
    own = hosts.own_copy(aligned | counts)
  paid = "values" in counts and any(some.values.any() for some in requests)
  name = "value@10" if paid else "recall@10"
  measure = network_share.found_values if paid else network_share.recalls

  def mean(variables: Any) -> float:
    found = measure(retriever.with_variables(variables), requests)
    return float(np.mean([np.nanmean(each) for each in found.values()]))

  if rows and not paid:
    after = float(np.mean([row["value"] for row in rows if row["chosen"]]))
  else:
    after = mean(own)
  before = mean(hosts.own_copy(generator.params))
  if after > before:
    return aligned, rows, ""
  sentence = (
    f"alignment: the generator stays as it was before; {name} on validation "
    f"requests is {after:.3f} after it, {before:.3f} before"
  )
  return aligned, rows, sentence
