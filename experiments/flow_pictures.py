"""A flow model of pictures with classes, read by a classifier of real ones."""

import pathlib
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from ml_collections import ConfigDict

from experiments.pipeline.fitting import load_params, save_params
from gr_jax.artefacts import (
  Artefact,
  build,
  build_resumable,
  fingerprint_files,
  locked,
)
from gr_jax.atomic import write_text
from gr_jax.choices import choose
from gr_jax.data.pictures import digits, fashion_mnist
from gr_jax.data.pictures.captions import ClassCaptions, class_captions
from gr_jax.data.pictures.labeled_pictures import (
  SIDE,
  LabeledPictures,
  shuffled_rows,
)
from gr_jax.data.requests import TEST, TRAIN, VALID
from gr_jax.diffusion import training as flow_training
from gr_jax.diffusion.flow_model import FlowModel, FlowModelConfig
from gr_jax.diffusion.generation import (
  GenerationConfig,
  generate_all,
  make_generate,
)
from gr_jax.diffusion.networks.mm_dit import MMDiTConfig
from gr_jax.diffusion.text_encoder import TextEncoderConfig
from gr_jax.diffusion.training import Captioned, FlowTrainingConfig
from gr_jax.evaluation.pictures import classifier_training
from gr_jax.evaluation.pictures.asked_classes import (
  Reader,
  Real,
  make_reader,
  measure,
)
from gr_jax.evaluation.pictures.classifier import Classifier, ClassifierConfig
from gr_jax.evaluation.pictures.classifier_training import (
  ClassifierTrainingConfig,
  Labeled,
)
from gr_jax.evaluation.report.asked_classes_page import asked_classes_page
from gr_jax.evaluation.report.report_file import write_report
from gr_jax.nn.precision import dot_general
from gr_jax.parallel.mesh import local_mesh
from gr_jax.training.averaging import used_params
from gr_jax.training.loop import LoopConfig
from gr_jax.training.optimizer import OptimizerConfig

TEST_SET = "real, all of the test set"
SOURCES = {"fashion_mnist": fashion_mnist.load, "digits": digits.load}


class _Task(NamedTuple):
  """What every stage reads.

  `compared` are the rows of a split whose pictures stand beside generated ones.
  """

  workdir: pathlib.Path
  data: LabeledPictures
  captions: ClassCaptions
  compared: dict[int, np.ndarray]
  inputs: tuple[str, ...]


def run(config: ConfigDict, workdir: pathlib.Path) -> dict:
  """Runs what has not run yet and returns the report.

  Args:
    config: sections data, classifier, flow, evaluation.
    workdir: gets one folder a stage, `report.json` and `report.html`.
  """
  load = choose("data.source", config.data.source, SOURCES)
  # A sampler that does not exist is found before an hour of training.
  for scale in config.evaluation.guidance:
    _generation(config.evaluation, scale)
  path, valid, seed = (config.data[key] for key in ("path", "valid", "seed"))
  data = load(pathlib.Path(path) if path else None, valid=valid, seed=seed)
  task = _Task(
    workdir,
    data,
    class_captions(data.classes),
    {
      split: _of_each_class(data, split, config.evaluation)
      for split in (TEST, VALID, TRAIN)
    },
    (repr(sorted(config.data.items())), fingerprint_files(path)),
  )
  with locked(workdir):
    reader, read_by = _classifier(config.classifier, task)
    model, params, made_by = _flow(config.flow, task)
    evaluated = build(
      workdir,
      "pictures",
      config.evaluation.to_dict(),
      (*task.inputs, read_by.fingerprint, made_by.fingerprint),
      lambda folder: _generate(config.evaluation, task, model, params, folder),
    )
    pictures = dict(np.load(evaluated.directory / "pictures.npz"))
    stages = {"classifier": read_by, "flow": made_by, "pictures": evaluated}
    report = write_report(
      workdir / "report.json",
      config=config.to_dict(),
      seconds={name: stage.seconds for name, stage in stages.items()},
      commits={name: stage.commit for name, stage in stages.items()},
      classes=list(data.classes),
      results=_results(config.evaluation, task, reader, pictures),
    )
    page = asked_classes_page(report, pictures, task.captions.texts)
    write_text(workdir / "report.html", page)
  for row in report["results"]:
    print(f"{row['system']}: {row['as_asked']:.1%} read as asked")
  print(f"report: {workdir / 'report.html'}")
  return report


def _batches(
  task: _Task, write: Callable[[np.ndarray], Any], *, size: int, seed: int
) -> Callable[[int], Any]:
  """The batch of a number, of training pictures."""
  rows = task.data.rows(TRAIN)
  return lambda number: write(shuffled_rows(rows, number, size=size, seed=seed))


def _classifier(section: ConfigDict, task: _Task) -> tuple[Reader, Artefact]:
  model = Classifier(ClassifierConfig(heads=(len(task.data.classes),)))

  def write(rows: np.ndarray) -> Labeled:
    return Labeled(task.data.pictures(rows), task.data.labels[rows][:, None])

  def make(folder: pathlib.Path) -> None:
    params = classifier_training.train(
      model,
      _batches(task, write, size=section.batch_size, seed=section.seed),
      config=ClassifierTrainingConfig(
        seed=section.seed,
        optimizer=OptimizerConfig(**section.optimizer),
        loop=LoopConfig(**section.loop),
      ),
      directory=folder,
      mesh=local_mesh(),
    )
    save_params(folder, params)

  made = build_resumable(
    task.workdir, "classifier", section.to_dict(), task.inputs, make
  )
  return make_reader(model, load_params(made.directory)), made


def _flow(section: ConfigDict, task: _Task) -> tuple[FlowModel, Any, Artefact]:
  model = FlowModel(
    FlowModelConfig(
      TextEncoderConfig(vocabulary=len(task.captions.words), **section.text),
      MMDiTConfig(**section.network),
      side=SIDE,
    ),
    dot_general(section.precision),
  )

  def write(rows: np.ndarray) -> Captioned:
    tokens = task.captions.tokens[task.data.labels[rows]]
    return Captioned(task.data.pictures(rows), tokens)

  def make(folder: pathlib.Path) -> None:
    state = flow_training.train(
      model,
      _batches(task, write, size=section.batch_size, seed=section.seed),
      config=FlowTrainingConfig(
        batch_size=section.batch_size,
        drop_rate=section.drop_rate,
        seed=section.seed,
        optimizer=OptimizerConfig(**section.optimizer),
        loop=LoopConfig(**section.loop),
      ),
      directory=folder,
      mesh=local_mesh(),
    )
    save_params(folder, used_params(state))

  made = build_resumable(
    task.workdir, "flow", section.to_dict(), task.inputs, make
  )
  return model, load_params(made.directory), made


def _generation(section: ConfigDict, scale: float) -> GenerationConfig:
  return GenerationConfig(
    sampler=section.sampler, steps=section.steps, guidance=scale
  )


def _name(scale: float) -> str:
  return f"guidance {scale:g}"


def _generate(
  section: ConfigDict,
  task: _Task,
  model: FlowModel,
  params: Any,
  folder: pathlib.Path,
) -> None:
  """Writes pictures of every class, and of each scale those of equal seeds."""
  classes = np.tile(np.arange(len(task.data.classes)), section.per_class)
  seeds = np.arange(len(classes)) + section.seed * len(classes)
  found = {
    _name(scale): generate_all(
      make_generate(model, _generation(section, scale)),
      params,
      task.captions.tokens[classes],
      seeds.astype(np.uint32),
      rows=section.rows,
    )
    for scale in section.guidance
  }
  np.savez(folder / "pictures.npz", classes=classes, **found)


def _results(
  section: ConfigDict, task: _Task, reader: Reader, pictures: dict
) -> list[dict]:
  """A row of the test set, two of other real pictures, one of each scale.

  Neither model has seen those of the validation set. All but the first are of
  equally many pictures, and compared with as many of the test set.
  """
  data, asked = task.data, pictures["classes"]
  every = data.rows(TEST)
  right = reader.classes(data.pictures(every)) == data.labels[every]
  real = Real(reader.features(data.pictures(task.compared[TEST])), asked)
  sets = {
    name: data.pictures(task.compared[split])
    for name, split in (("training", TRAIN), ("validation", VALID))
  }
  sets = {f"real, of the {name} set": shown for name, shown in sets.items()}
  sets |= {_name(scale): pictures[_name(scale)] for scale in section.guidance}
  return [
    {"system": TEST_SET, "as_asked": float(right.mean()), "n": len(every)},
    *(
      {"system": name} | measure(reader, shown, asked, real)
      for name, shown in sets.items()
    ),
  ]


def _of_each_class(
  data: LabeledPictures, split: int, section: ConfigDict
) -> np.ndarray:
  """Rows of a split, `per_class` of every class, class by class in turn."""
  rows = np.random.default_rng(section.seed).permutation(data.rows(split))
  labels = data.labels[rows]
  least = np.bincount(labels, minlength=len(data.classes)).min()
  if not 2 <= section.per_class <= least:
    raise ValueError(
      f"evaluation.per_class is {section.per_class}; give 2 to {least}, the "
      "fewest pictures of a class."
    )
  of_class = [
    rows[labels == label][: section.per_class]
    for label in range(len(data.classes))
  ]
  return np.stack(of_class, axis=1).ravel()
