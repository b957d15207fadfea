"""ULTRA-HSTU (Meta, arXiv 2602.16986): long histories rank candidates."""

import json
import pathlib

from ml_collections import ConfigDict

from experiments.pipeline.prepare import SOURCES, prepare
from experiments.ranking.evaluate import SPLITS, evaluate
from experiments.ranking.train import train
from gr_jax.artefacts import locked
from gr_jax.atomic import write_text
from gr_jax.choices import choose
from gr_jax.evaluation.report import ranking_page, text_table
from gr_jax.evaluation.report.report_file import write_report
from gr_jax.parallel import hosts
from gr_jax.provenance import origin
from gr_jax.ranking.examples import ExamplesConfig


def run(config: ConfigDict, workdir: pathlib.Path) -> dict:
  """Runs what has not run yet and returns the report.

  Args:
    config: sections data, ranker (see `experiments.ranking.train.train`) and
      evaluation with the `split`.
    workdir: gets one folder a stage, `report.json` and `report.html`.
  """
  choose("data.source", config.data.source, SOURCES)
  choose("evaluation.split", config.evaluation.split, SPLITS)
  ExamplesConfig(**config.ranker.examples)
  with locked(workdir):
    data = prepare(config.data, workdir)
    ranker = train(config.ranker, workdir, data)
    results = evaluate(
      ranker, data, split=config.evaluation.split, name=config.name
    )
    stages = {"data": data.artefact, "ranker": ranker.artefact}
    notes = json.loads((ranker.artefact.directory / "rows.json").read_text())
    report = write_report(
      workdir / "report.json",
      config=config.to_dict(),
      origin=origin(),
      system=config.name,
      seconds={name: stage.seconds for name, stage in stages.items()},
      commits={name: stage.commit for name, stage in stages.items()},
      results=results,
      notes=[notes["sentence"]],
    )
    write_text(workdir / "report.html", ranking_page.ranking_page(report))
  if hosts.is_first():
    for task in config.ranker.examples.tasks:
      print(f"\n{task}")
      print(text_table.terminal(ranking_page.text_rows(results, task)))
    print(ranking_page.headline(results, config.name))
    print(f"report: {workdir / 'report.html'}")
  return report
