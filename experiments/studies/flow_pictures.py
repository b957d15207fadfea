"""Pictures of a flow model with classes, by scale of guidance."""

import functools
import pathlib

import numpy as np
from ml_collections import ConfigDict

from experiments.pictures.of_classes import draw, guidance_name, load_task
from experiments.studies import paired, plots, tables
from experiments.studies.base_world import BaseWorld
from experiments.studies.claims import at_least, table, value
from experiments.studies.record import Record, View
from experiments.studies.study import Study, run_study
from experiments.studies.variant import Run, Variant
from gr_jax.evaluation.pictures.class_accuracy import measure as figures_of
from gr_jax.evaluation.report import svg

REAL = "real"
ACCURACY = "accuracy"
_SET_OF_REAL = "real, of the validation set"

METHOD = """\
A small MM-DiT ({steps:,} batches of {batch}) learns pictures of captions such
as "a picture of a sandal". A classifier, trained on real pictures alone, reads
{each} generated pictures of every class, drawn in {sampled} steps with
classifier-free guidance of several scales (1 is none), of the same seeds.
*Accuracy* is the share that shows the class of its caption. The *Fréchet
distance* compares means and covariances of the classifier's features with those
of as many test pictures, *spread* the variance within classes with theirs:
where pictures of a class are all alike it is near 0. Real pictures are of the
validation set, which neither model has seen."""

CLAIMS = table("Sol-RL", "[OURS]", [
  ("flow models learn: a classifier of real pictures reads 90 % as captioned, "
   f"guidance {scale}", "", ACCURACY, f"guidance_{scale}", REAL, at_least(0.9),
   value)
  for scale in (1, 2, 3)
])  # fmt: skip


class ClassWorld(BaseWorld):
  """Real and generated pictures of classes; arguments as `BaseWorld`'s."""

  def __init__(self, config: ConfigDict, name: str, workdir: pathlib.Path):
    super().__init__(config, name, workdir)
    self.drawn = draw(config, load_task(config, workdir))
    for stage in self.drawn.stages.values():
      self.count(stage)

  def users(self) -> dict[str, np.ndarray]:
    """Every picture stands for itself."""
    return {"": np.arange(len(self.drawn.captioned))}


def variants(config: ConfigDict) -> dict[str, Variant]:
  """Real pictures, and a variant of every scale."""
  labels = {REAL: "real pictures"} | {
    f"guidance_{scale:g}": guidance_name(scale)
    for scale in config.evaluation.guidance
  }
  return {name: Variant(label, deterministic=True)
          for name, label in labels.items()}  # fmt: skip


def measure(run: Run) -> paired.Columns:
  """Whether the class of each picture is read rightly."""
  drawn = run.world.drawn
  name = _SET_OF_REAL if run.name == REAL else run.variant.label
  shown = drawn.sets[name]
  found = figures_of(drawn.reader, shown, drawn.captioned, drawn.real)
  run.note("pictures", {key: found[key] for key in ("frechet", "spread")})
  right = drawn.reader.classes(shown) == drawn.captioned
  return {ACCURACY: right.astype(np.float64)}


def method(record: Record) -> str:
  flow, evaluation = record.config["flow"], record.config["evaluation"]
  return METHOD.format(
    steps=flow["loop"]["steps"],
    batch=flow["batch_size"],
    each=evaluation["per_class"],
    sampled=evaluation["steps"],
  )


def accuracy_table(view: View) -> str:
  heads = [ACCURACY]
  return f"## {svg.plain(view.world)}\n\n" + tables.baseline_table(
    view, REAL, heads, heads
  )


def picture_table(view: View) -> str:
  columns = {"Fréchet distance": "{frechet:.2f}", "spread": "{spread:.2f}"}
  return tables.fact_table(view, "pictures", columns, first="pictures")


def figure(record: Record) -> plots.Picture:
  """Accuracy of every set, and how far it is from real pictures."""
  (view,) = record.views()

  def accuracies(axis):
    for place, name in enumerate(view.measured):
      row = view.find(ACCURACY, name, REAL)
      ends = (100 * row[key] for key in ("value_low", "value", "value_high"))
      plots.bar(axis, place, *ends, color=svg.SERIES[0])
    plots.lines_of(axis, [view.labels[name] for name in view.measured])

  def distances(axis):
    found = view.facts["pictures"]
    for place, name in enumerate(view.measured):
      at = found[name]["frechet"]
      axis.plot([0, at], [place, place], color=svg.GRID, linewidth=2)
      axis.plot([at], [place], "o", color=svg.SERIES[0], markersize=5)
    plots.lines_of(axis, [view.labels[name] for name in view.measured])

  return plots.Picture(
    [
      plots.Panel("read as captioned", accuracies, "percent of pictures"),
      plots.Panel("distance from real test pictures", distances,
                  "Fréchet distance of features"),
    ],
    columns=2,
    height=2.4,
  )  # fmt: skip


STUDY = Study(
  name="flow_pictures",
  title="Flow models learn pictures of classes",
  method=method,
  variants=variants,
  needs=(REAL,),
  users=ClassWorld.users,
  measure=measure,
  against=(REAL,),
  tables=(accuracy_table, picture_table),
  figure=figure,
  headline=(ACCURACY,),
  claims=CLAIMS,
  world=ClassWorld,
)
run = functools.partial(run_study, STUDY)
