"""A flow model of pictures with classes, and a classifier of real ones."""

import pathlib
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from ml_collections import ConfigDict

from experiments.pipeline.fitting import load_params, save_params
from gr_jax.artefacts import Artefact, build, build_resumable
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
from gr_jax.evaluation.pictures.class_accuracy import (
  Reader,
  Real,
  make_reader,
)
from gr_jax.evaluation.pictures.classifier import Classifier, ClassifierConfig
from gr_jax.evaluation.pictures.classifier_training import (
  ClassifierTrainingConfig,
  Labeled,
)
from gr_jax.fingerprints import fingerprint_files
from gr_jax.nn.precision import dot_general
from gr_jax.parallel.mesh import local_mesh
from gr_jax.training.averaging import used_params
from gr_jax.training.loop import LoopConfig
from gr_jax.training.optimizer import OptimizerConfig

SOURCES = {"fashion_mnist": fashion_mnist.load, "digits": digits.load}


class Task(NamedTuple):
  """What every stage reads.

  Attributes:
    workdir: gets one folder a stage.
    data: real pictures.
    captions: one text a class, and their tokens.
    compared: the rows of a split whose pictures stand beside generated ones.
    inputs: what stages depend on.
  """

  workdir: pathlib.Path
  data: LabeledPictures
  captions: ClassCaptions
  compared: dict[int, np.ndarray]
  inputs: tuple[str, ...]


class Drawn(NamedTuple):
  """Generated pictures, and who reads them.

  Attributes:
    reader: the classifier of real pictures.
    sets: pictures `[N, H, W, C]` that are compared, real ones among them, by
      their names.
    captioned: the class `[N]` of every picture's caption.
    real: those that the distances are to.
    task: the data.
    stages: the artefacts.
  """

  reader: Reader
  sets: dict[str, np.ndarray]
  captioned: np.ndarray
  real: Real
  task: Task
  stages: dict[str, Artefact]


def load_task(config: ConfigDict, workdir: pathlib.Path) -> Task:
  """Reads the data; what cannot be drawn is found before an hour of training.

  Args:
    config: sections data and evaluation.
    workdir: gets one folder a stage.

  Raises:
    ValueError: an unknown source or sampler, or more pictures than there are.
    FileNotFoundError: the data are not there.
  """
  load = choose("data.source", config.data.source, SOURCES)
  for scale in config.evaluation.guidance:
    _generation(config.evaluation, scale)
  path, valid, seed = (config.data[key] for key in ("path", "valid", "seed"))
  data = load(pathlib.Path(path) if path else None, valid=valid, seed=seed)
  return Task(
    workdir,
    data,
    class_captions(data.classes),
    {
      split: _of_each_class(data, split, config.evaluation)
      for split in (TEST, VALID, TRAIN)
    },
    (repr((valid, seed)), fingerprint_files(path)),
  )


def draw(config: ConfigDict, task: Task) -> Drawn:
  """Trains both models and draws, or loads what is there.

  Neither model has seen real pictures of the validation set. All sets are of
  equally many pictures, and compared with as many of the test set.

  Args:
    config: sections classifier, flow, evaluation.
    task: the data.
  """
  reader, read_by = _classifier(config.classifier, task)
  model, params, made_by = _flow(config.flow, task)
  evaluated = build(
    task.workdir,
    "pictures",
    config.evaluation.to_dict(),
    (*task.inputs, read_by.fingerprint, made_by.fingerprint),
    lambda folder: _generate(config.evaluation, task, model, params, folder),
  )
  pictures = dict(np.load(evaluated.directory / "pictures.npz"))
  captioned = pictures.pop("classes")
  real = {
    f"real, of the {name} set": task.data.pictures(task.compared[split])
    for name, split in (("training", TRAIN), ("validation", VALID))
  }
  test = reader.features(task.data.pictures(task.compared[TEST]))
  return Drawn(
    reader,
    real | pictures,
    captioned,
    Real(test, captioned),
    task,
    {"classifier": read_by, "flow": made_by, "pictures": evaluated},
  )


def _batches(
  task: Task, write: Callable[[np.ndarray], Any], *, size: int, seed: int
) -> Callable[[int], Any]:
  """The batch of a number, of training pictures."""
  rows = task.data.rows(TRAIN)
  return lambda number: write(shuffled_rows(rows, number, size=size, seed=seed))


def _classifier(section: ConfigDict, task: Task) -> tuple[Reader, Artefact]:
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


def _flow(section: ConfigDict, task: Task) -> tuple[FlowModel, Any, Artefact]:
  model = FlowModel(
    FlowModelConfig(
      TextEncoderConfig(vocabulary=len(task.captions.words), **section.text),
      MMDiTConfig(**section.network),
      side=SIDE,
      predicts=section.predicts,
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


def guidance_name(scale: float) -> str:
  return f"guidance {scale:g}"


def _generate(
  section: ConfigDict,
  task: Task,
  model: FlowModel,
  params: Any,
  folder: pathlib.Path,
) -> None:
  """Writes pictures of every class, and of each scale those of equal seeds."""
  classes = np.tile(np.arange(len(task.data.classes)), section.per_class)
  seeds = np.arange(len(classes)) + section.seed * len(classes)
  found = {
    guidance_name(scale): generate_all(
      make_generate(model, _generation(section, scale)),
      params,
      task.captions.tokens[classes],
      seeds.astype(np.uint32),
      rows=section.rows,
    )
    for scale in section.guidance
  }
  np.savez(folder / "pictures.npz", classes=classes, **found)


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
