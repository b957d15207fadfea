"""A flow model of pictures with classes, read by a classifier of real ones."""

import pathlib

from ml_collections import ConfigDict

from experiments.pictures.of_classes import (
  Drawn,
  draw,
  guidance_name,
  load_task,
)
from gr_jax.artefacts import locked
from gr_jax.atomic import write_text
from gr_jax.data.requests import TEST
from gr_jax.evaluation.pictures.class_accuracy import measure
from gr_jax.evaluation.report.class_pictures_page import class_pictures_page
from gr_jax.evaluation.report.report_file import write_report

TEST_SET = "real, all of the test set"


def run(config: ConfigDict, workdir: pathlib.Path) -> dict:
  """Runs what has not run yet and returns the report.

  Args:
    config: sections data, classifier, flow, evaluation.
    workdir: gets one folder a stage, `report.json` and `report.html`.
  """
  task = load_task(config, workdir)
  with locked(workdir):
    drawn = draw(config, task)
    data, stages = task.data, drawn.stages
    report = write_report(
      workdir / "report.json",
      config=config.to_dict(),
      seconds={name: stage.seconds for name, stage in stages.items()},
      commits={name: stage.commit for name, stage in stages.items()},
      classes=list(data.classes),
      results=_results(drawn),
    )
    shown = {guidance_name(scale): drawn.sets[guidance_name(scale)]
             for scale in config.evaluation.guidance}  # fmt: skip
    page = class_pictures_page(
      report,
      shown | {"classes": drawn.captioned},
      task.captions.texts,
    )
    write_text(workdir / "report.html", page)
  for row in report["results"]:
    print(f"{row['system']}: {row['accuracy']:.1%} read as captioned")
  print(f"report: {workdir / 'report.html'}")
  return report


def _results(drawn: Drawn) -> list[dict]:
  """A row of the whole test set, and one of every set that is compared."""
  data = drawn.task.data
  every = data.rows(TEST)
  read = drawn.reader.classes(data.pictures(every))
  right = read == data.labels[every]
  return [
    {"system": TEST_SET, "accuracy": float(right.mean()), "n": len(every)},
    *(
      {"system": name}
      | measure(drawn.reader, shown, drawn.captioned, drawn.real)
      for name, shown in drawn.sets.items()
    ),
  ]
