"""Fits a tokenizer and gives every item its semantic ID."""

import dataclasses
import pathlib
from collections.abc import Callable

import numpy as np
from ml_collections import ConfigDict
from tqdm import tqdm

from experiments.pipeline.embed import Vectors
from experiments.pipeline.fitting import on_devices
from experiments.pipeline.prepare import Data
from experiments.pipeline.sizes import with_tokenizer_steps
from gr_jax.artefacts import Artefact, build, write_json
from gr_jax.choices import choose
from gr_jax.tokenizers import quality
from gr_jax.tokenizers.build import tokenizer_class
from gr_jax.tokenizers.collisions import COLLISIONS
from gr_jax.tokenizers.semantic_ids import SemanticIds
from gr_jax.tokenizers.tokenizer import FitResult
from gr_jax.training.scan_fit import Progress

FitTokenizer = Callable[[ConfigDict, Data, Vectors, Progress], FitResult]
"""(tokenizer section, data, vectors, progress) -> the fit.

`progress(step, metrics)` wants a `loss` in every row.
"""


@dataclasses.dataclass(frozen=True)
class Tokenized:
  """Semantic IDs of the catalogue."""

  semantic_ids: SemanticIds
  artefact: Artefact


def tokenize(
  config: ConfigDict,
  workdir: pathlib.Path,
  data: Data,
  vectors: Vectors,
  *,
  fit: FitTokenizer,
) -> Tokenized:
  """Writes the IDs, the tokenizer and a report on their quality.

  The `name` of the section is in `build.TOKENIZERS`, its `collisions` in
  `COLLISIONS`; `fit` fits the tokenizer that it names. The number of steps
  follows from the catalogue where it is None (`sizes`).

  Raises:
    ValueError: An unknown name, or `fit` gives another tokenizer.
  """
  config = with_tokenizer_steps(config, items=len(data.catalogue))
  policy = choose("tokenizer.collisions", config.collisions, COLLISIONS)
  expected = tokenizer_class(config)

  def make(directory: pathlib.Path) -> None:
    with tqdm(
      desc="tokenize", total=_steps(config), unit="step", mininterval=1.0
    ) as bar:

      def progress(step: int, metrics: dict[str, float]) -> None:
        bar.update(step - bar.n)
        bar.set_postfix_str(f"loss {metrics['loss']:.3f}")

      with on_devices():
        fitted = fit(config, data, vectors, progress)
    if not isinstance(fitted.tokenizer, expected):
      raise ValueError(
        f"tokenizer.name is {config.name!r}, but a "
        f"{type(fitted.tokenizer).__name__} was fitted: name that."
      )
    fitted.tokenizer.save(directory)
    ids = policy.resolve(fitted, data.catalogue.popularity)
    ids.save(directory / "semantic_ids")
    write_json(directory / "history.json", fitted.history)
    report = quality.report(
      ids,
      vectors=vectors.items,
      restored=fitted.restored,
      categories=_leaf_categories(data),
    )
    write_json(directory / "quality.json", report)

  inputs = [data.artefact.fingerprint, vectors.artefact.fingerprint]
  artefact = build(workdir, "tokenizer", config.to_dict(), inputs, make)
  return Tokenized(
    SemanticIds.load(artefact.directory / "semantic_ids"), artefact
  )


def _steps(config: ConfigDict) -> int:
  """Steps of gradient descent, or the levels of a clustering; else one."""
  return (
    config.vae.steps if "vae" in config else len(config.get("levels", (1,)))
  )


def _leaf_categories(data: Data) -> np.ndarray | None:
  categories = data.catalogue.categories
  return categories[:, -1] if categories.shape[1] else None
