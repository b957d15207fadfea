"""Four bits for retrieval: rollouts that explore in NVFP4, and serving.

Sol-RL (arXiv 2604.06916) draws many pictures in four bits and learns the most
contrastive in sixteen. Here it is groups of semantic IDs: the study says
whether that helps EG-GRPO, how far the explorer is from the policy, and what a
server loses whose kernels are in NVFP4.
"""

import dataclasses
import functools
import itertools
import math
from collections.abc import Sequence

import numpy as np

from experiments.pipeline.tokenize import Tokenized
from experiments.pipeline.train import TrainedGenerator
from experiments.studies import eg_grpo, paired, plots, tables
from experiments.studies.eg_grpo import users
from experiments.studies.fp4_paper import (
  CLAIMS,
  GROUP,
  METHOD,
  METRICS,
  SERVED,
  SFT,
  W4A4,
  W4A16,
  WIDE,
)
from experiments.studies.record import Record, View
from experiments.studies.search_hits import id_hits
from experiments.studies.study import Study, run_study
from experiments.studies.variant import Run, Variant
from gr_jax.data import request_lists
from gr_jax.quantization.policy import Decision
from gr_jax.retrieval.weights import quantize_weights
from gr_jax.training.metric_writer import read_metrics

_BEAM = 100
_CANDIDATES = 32


def _explores(label: str, weights: str = "", products: str = "w4a16"):
  changes = {"candidates": _CANDIDATES, "weights": weights}
  changes["products"] = products
  return Variant(
    label, {f"align.explore.{key}": x for key, x in changes.items()}
  )


VARIANTS = {
  SFT: Variant("before alignment"),
  SERVED: Variant("served in NVFP4"),
  GROUP: Variant("group drawn"),
  WIDE: _explores("16 bits explore"),
  W4A16: _explores("NVFP4 weights explore", "nvfp4"),
  W4A4: _explores("NVFP4 explores, W4A4", "nvfp4", "w4a4"),
  "mxfp4": _explores("MXFP4 weights explore", "mxfp4"),
  "int4": _explores("INT4 weights explore", "int4"),
}


def measure(run: Run) -> paired.Columns:
  """Aligns the generator of a seed, if the variant does, and searches it."""
  tokenized, generator = eg_grpo.before_alignment(run)
  if run.name == SERVED:
    params, made = quantize_weights(generator.params, "nvfp4")
    generator = dataclasses.replace(generator, params=params)
    kept = [each for each in made if each.reason is None]
    run.note("served", {"bytes": _each(kept), "all_bytes": _each(made)})
  elif run.name != SFT:
    generator = eg_grpo.aligned(run, tokenized, generator)
    rows = read_metrics(generator.artefact.directory / "metrics.jsonl")
    run.note("runs", run_figures(rows))
  return run.columns(hits, generator, tokenized)


def _each(made: Sequence[Decision]) -> float:
  """Bytes a weight."""
  return sum(each.after for each in made) / sum(
    math.prod(each.shape) for each in made
  )


def run_figures(rows) -> dict[str, float]:
  """Medians of one alignment; the reward is that of all that was drawn."""
  found = eg_grpo.run_figures(rows)
  drawn = [r[name] for r in rows if (name := "align/explored_reward") in r]
  if drawn:
    found |= {"reward_first": drawn[0], "reward_last": drawn[-1]}
  for name, key in (
    ("gap", "explorer_gap"),
    ("gap_p95", "explorer_gap_p95"),
    ("contrast", "contrast"),
  ):
    values = [r[f"align/{key}"] for r in rows if f"align/{key}" in r]
    if values:
      found[name] = float(np.median(values))
  spread = [r["align/reward_spread"] for r in rows if "align/reward" in r]
  found["spread"] = float(np.median(spread))
  return found


def hits(
  run: Run, generator: TrainedGenerator, tokenized: Tokenized
) -> dict[str, np.ndarray]:
  """Hits `[R]` bool at 1, 10 and 100 of requests as they were logged."""
  rows, found = eg_grpo.found_ids(run, generator, tokenized, beam=_BEAM)
  log, ids = run.world.data.requests, tokenized.semantic_ids
  clicks = id_hits(found, request_lists.targets(log, rows), ids)
  shown = id_hits(found[:, :10], eg_grpo.pages(log, rows), ids)
  columns = [clicks[:, :k].any(axis=1) for k in (1, 10, 100)]
  return dict(zip(METRICS, (*columns, shown.any(axis=1))))


def method(record: Record) -> str:
  section = record.config["align"]
  return METHOD.format(
    steps=section["loop"]["steps"],
    batch=section["prompts"]["batch_size"],
    group=section["group_size"],
    candidates=_CANDIDATES,
    cheap=_CANDIDATES // 4,
  )


def hit_tables(view: View) -> str:
  """Hit rates of all arms and their differences to each baseline."""
  return "\n\n".join(
    f"Difference to *{view.labels[baseline]}*:\n\n"
    + tables.baseline_table(view, baseline, METRICS, METRICS, digits=2)
    for baseline in (GROUP, SFT)
    if baseline in view.measured
  )


def run_table(view: View) -> str:
  """How the alignments themselves went."""
  columns = {
    "gap a code": "{gap:.4f}",
    "its 95th percentile": "{gap_p95:.4f}",
    "spread of a group": "{spread:.3f}",
    "reward": "{reward_first:.3f} to {reward_last:.3f}",
    "KL a token": "{kl_last:.4f}",
  }
  return (
    "While aligning, means over the seeds. The gap is the median of |log-"
    "probability of a code under the explorer - under the old policy|, beside "
    "its 95th percentile (each the median over the updates), the spread the "
    "standard deviation of rewards that are learned together:\n\n"
    + tables.fact_table(view, "runs", columns, list(view.facts["runs"]))
  )


def figure(record: Record) -> plots.Picture:
  """A row of panels per world, one a metric: distances to `GROUP`."""

  def lines(view: View, metric: str) -> list:
    arms = [a for a in view.measured if a != GROUP]
    rows = [view.find(metric, arm, GROUP) for arm in arms]
    return [(view.labels[r["arm"]], {"": plots.points(r)}) for r in rows]

  panels, above = [], f"points above {record.labels[GROUP]}"
  for view, metric in itertools.product(record.views(), METRICS):
    draw = functools.partial(plots.intervals, lines=lines(view, metric))
    panels.append(plots.Panel(f"{view.title}, {metric}", draw, above))
  height = 1.1 + 0.27 * len(record.labels)
  return plots.Picture(panels, columns=len(METRICS), height=height)


STUDY = Study(
  name="fp4",
  title="Four bits for retrieval",
  method=method,
  variants=lambda config: VARIANTS,
  needs=(SFT, GROUP),
  users=users,
  measure=measure,
  against=(GROUP, SFT),
  pairs=tuple((arm, WIDE) for arm in (W4A16, W4A4, "mxfp4", "int4")),
  tables=(eg_grpo.heading, hit_tables, run_table),
  figure=figure,
  headline=("click@1", "click@10"),
  claims=CLAIMS,
)
run = functools.partial(run_study, STUDY)
