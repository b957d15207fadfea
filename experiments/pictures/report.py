"""The report of an aligned flow model: `report.json` and `report.html`."""

import dataclasses
import pathlib
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from ml_collections import ConfigDict

from experiments.pictures.align import passes
from experiments.pictures.flow import TrainedFlow
from gr_jax.artefacts import Artefact
from gr_jax.atomic import write_text
from gr_jax.data.requests import TEST
from gr_jax.evaluation import intervals
from gr_jax.evaluation.report import report_file
from gr_jax.evaluation.report.aligned_pictures_page import (
  AFTER,
  BEFORE,
  aligned_pictures_page,
)
from gr_jax.provenance import origin
from gr_jax.rl.guard import read_stop
from gr_jax.training.metric_writer import read_metrics

_SHOWN = 18
_NOT_FIGURES = ("pictures",)


def write_picture_report(
  config: ConfigDict,
  workdir: pathlib.Path,
  flow: TrainedFlow,
  *,
  fidelity: Mapping[str, float],
  found: Mapping[str, Mapping[str, np.ndarray]],
  artefacts: Mapping[str, Artefact],
) -> dict:
  """Writes both files and returns the report.

  Args:
    config: the whole one.
    workdir: gets the files.
    flow: its world draws the captions.
    fidelity: means of `RankFidelity`.
    found: `measure.measured` before and after.
    artefacts: the stages, by the names that the page has for them.
  """
  prompts = flow.world.prompts(config.evaluation.prompts, split=TEST)
  texts = flow.world.captions(prompts)
  stop = read_stop(artefacts["align"].directory)
  report = report_file.write_report(
    workdir / "report.json",
    config=config.to_dict(),
    origin=origin(),
    seconds={name: stage.seconds for name, stage in artefacts.items()},
    commits={name: stage.commit for name, stage in artefacts.items()},
    results=list(rows(found[BEFORE], found[AFTER], texts)),
    fidelity=dict(fidelity),
    passes=passes(config.align),
    stop=stop and dataclasses.asdict(stop) | {"sentence": stop.sentence()},
    history={
      name: read_metrics(artefacts[name].directory / "metrics.jsonl")
      for name in ("flow", "scorer", "align")
      if name in artefacts
    },
  )
  # A small world repeats its captions: each is shown before one comes again.
  _, first = np.unique(texts, return_index=True)
  order = np.concatenate([np.sort(first), np.arange(len(texts))])
  shown = list(dict.fromkeys(order.tolist()))[:_SHOWN]
  html = aligned_pictures_page(
    report,
    {name: one["pictures"][shown, 0] for name, one in found.items()},
    [texts[row] for row in shown],
  )
  write_text(workdir / "report.html", html)
  return report


def rows(
  before: Mapping, after: Mapping, texts: Sequence[str]
) -> Iterator[dict]:
  """A row a figure: both means, their paired difference and its interval.

  The interval draws captions, of which a small world has few; `n` is their
  number.
  """
  caption = np.unique(texts, return_inverse=True)[1]
  for name in before:
    if name in _NOT_FIGURES:
      continue
    there = ~np.isnan(before[name]) & ~np.isnan(after[name])
    if not there.any():
      continue
    a, b = after[name][there], before[name][there]
    apart = (
      intervals.resample((a - b)[None, :, None], groups=caption[there])
      .interval()
      .row()
    )
    yield {
      "metric": name,
      BEFORE: float(b.mean()),
      AFTER: float(a.mean()),
      "difference": apart["value"],
      "low": apart["low"],
      "high": apart["high"],
      "n": len(np.unique(caption[there])),
    }
