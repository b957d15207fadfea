"""HSTU (Meta, arXiv 2402.17152) retrieves the next item, SASRec beside it."""

import pathlib

import numpy as np
from ml_collections import ConfigDict

from experiments.pipeline.baseline_rankers import popular
from experiments.pipeline.eval_requests import EvalRequests, draw_eval_requests
from experiments.pipeline.prepare import SOURCES, prepare
from experiments.pipeline.sasrec import train_sasrec
from experiments.ranking.evaluate import SPLITS
from experiments.ranking.retriever import Retriever, train_retriever
from gr_jax.artefacts import locked
from gr_jax.atomic import write_text
from gr_jax.choices import choose
from gr_jax.data import row_lists
from gr_jax.evaluation import results as tidy
from gr_jax.evaluation.baselines.top_items import popularity_order
from gr_jax.evaluation.report import next_item_page, text_table
from gr_jax.evaluation.report.report_file import write_report
from gr_jax.parallel import hosts
from gr_jax.parallel.mesh import MeshConfig, make_mesh
from gr_jax.provenance import origin

_CUTOFFS = (1, 10, 50, 100)


def run(config: ConfigDict, workdir: pathlib.Path) -> dict:
  """Runs what has not run yet and returns the report.

  Args:
    config: sections data, mesh, hstu (see
      `experiments.ranking.retriever.train_retriever`), sasrec and evaluation
      with `split` and `requests` (0 = every one).
    workdir: gets one folder a stage, `report.json` and `report.html`.
  """
  choose("data.source", config.data.source, SOURCES)
  choose("evaluation.split", config.evaluation.split, SPLITS)
  mesh = make_mesh(MeshConfig(**config.mesh))
  with locked(workdir):
    data = prepare(config.data, workdir)
    retriever = train_retriever(config.hstu, workdir, data, mesh)
    sasrec = train_sasrec(config.sasrec, workdir, data, mesh)
    [requests] = [
      part
      for part in draw_eval_requests(
        data.requests,
        split=SPLITS[config.evaluation.split],
        count=config.evaluation.requests,
        seed=config.evaluation.seed,
      )
      if part.kind == "next_basket"
    ] or [None]
    if requests is None:
      raise ValueError(
        f"no request of the {config.evaluation.split} split has a history and "
        "no query; HSTU answers these alone."
      )
    systems = {"hstu": retriever.rank}
    if sasrec:
      systems["sasrec"] = sasrec.rank
    systems["popularity"] = popular(popularity_order(data.catalogue.popularity))
    results = evaluate(systems, retriever, requests)
    stages = {"data": data.artefact, "hstu": retriever.artefact}
    if sasrec:
      stages["sasrec"] = sasrec.artefact
    report = write_report(
      workdir / "report.json",
      config=config.to_dict(),
      origin=origin(),
      system=config.name,
      seconds={name: stage.seconds for name, stage in stages.items()},
      commits={name: stage.commit for name, stage in stages.items()},
      results=results,
      sampled=len(requests.rows),
    )
    write_text(workdir / "report.html", next_item_page.next_item_page(report))
  if hosts.is_first():
    print(text_table.terminal(next_item_page.text_rows(results)))
    print(f"report: {workdir / 'report.html'}")
  return report


def evaluate(
  systems: dict, retriever: Retriever, requests: EvalRequests
) -> list[dict]:
  """Tidy rows; the items that are read are no answers, as in the paper."""
  hidden = row_lists.distinct(retriever.read_items(requests))
  relevant = row_lists.without(requests.targets, hidden)
  found, model = [], None
  for name, rank in systems.items():
    ranked = rank(requests, k=max(_CUTOFFS), exclude=hidden)
    measured = tidy.measure(ranked, relevant, cutoffs=_CUTOFFS)
    role = tidy.BASELINE if model else tidy.MODEL
    names = {"system": name, "role": role, "requests": requests.kind}
    found += tidy.rows(
      measured,
      names | {"seen": "out"},
      users=np.asarray(requests.users),
      model=model,
    )
    model = model or measured
  return found
