"""Which parameters an alignment leaves: the aligned ones or those before it.

A generator that reads candidates is aligned with all of its network. How much
of it is used afterwards is chosen anew on validation (`network_share`), and
then both generators are compared as they would be used, by the mean over kinds
of requests of recall@10. Without candidates the validation searches of the
alignment decide.
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
  before, _ = split_variables(generator.params)
  rows = []
  if generator.writer.candidates is not None and validation.requests:
    aligned, rows, sentence = _with_shares(validation, stages, aligned)
  else:
    sentence = kept_before(read_metrics(directory / "metrics.jsonl"))
  if not validation.get("keep_better", False):
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


def _with_shares(
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
  best, rows = network_share.choose(retriever, own, requests)
  after = float(np.mean([row["value"] for row in rows if row["chosen"]]))
  served = retriever.with_variables(hosts.own_copy(generator.params))
  found = network_share.recalls(served, requests)
  before = float(np.mean([np.nanmean(each) for each in found.values()]))
  aligned = network_share.with_shares(aligned, best)
  if after > before:
    return aligned, rows, ""
  sentence = (
    "alignment: the generator stays as it was before; recall@10 on validation "
    f"requests is {after:.3f} after it, {before:.3f} before"
  )
  return aligned, rows, sentence
