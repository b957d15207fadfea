"""Fits a tokenizer and gives every item its semantic ID."""

import dataclasses
import pathlib
from collections.abc import Callable

import numpy as np
from ml_collections import ConfigDict

from experiments.pipeline.embed import Vectors
from experiments.pipeline.fitting import on_devices
from experiments.pipeline.from_data import with_fields
from experiments.pipeline.partners import partners
from experiments.pipeline.prepare import Data
from experiments.pipeline.sizes import with_tokenizer_sizes
from gr_jax.artefacts import Artefact, build, write_json
from gr_jax.choices import choose
from gr_jax.data.requests import VALID
from gr_jax.fingerprints import fingerprint_files
from gr_jax.progress_bar import make_bar
from gr_jax.text.encoder import unit_rows
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
  `COLLISIONS`; `fit` fits the tokenizer that it names. Sizes and steps that are
  None follow from the catalogue (`sizes`), and so do fields (`from_data`).

  Raises:
    ValueError: An unknown name, or `fit` gives another tokenizer.
  """
  config = with_tokenizer_sizes(config, items=len(data.catalogue))
  config = with_fields(config, data.catalogue)
  policy = choose("tokenizer.collisions", config.collisions, COLLISIONS)
  expected = tokenizer_class(config)

  def make(directory: pathlib.Path) -> None:
    with make_bar("tokenize", total=_steps(config)) as bar:

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
    report += _partner_figures(fitted, data, vectors)
    write_json(directory / "quality.json", report)

  inputs = [data.artefact.fingerprint, vectors.artefact.fingerprint]
  section = config.to_dict()
  if section.get("path"):
    # What lies there counts, not how its place is spelt.
    section["path"] = fingerprint_files(section["path"])
  artefact = build(workdir, "tokenizer", section, inputs, make)
  return Tokenized(
    SemanticIds.load(artefact.directory / "semantic_ids"), artefact
  )


def _partner_figures(
  fitted: FitResult, data: Data, vectors: Vectors
) -> list[quality.Row]:
  """R@1 of items that people take together in the validation period.

  Of the vectors that are quantized, and of the given ones.
  """
  found = partners(data.requests, split=VALID, num_items=len(data.catalogue))
  rows = list(quality.partner_rows(unit_rows(fitted.latents), found))
  given = quality.partner_rows(unit_rows(vectors.items), found)
  return rows + [
    row | {"metric": f"given_{row['metric']}"}
    for row in given
    if row["metric"].startswith("partner")
  ]


def _steps(config: ConfigDict) -> int:
  """Steps of gradient descent, and the levels of a clustering; one at least."""
  if "vae" in config:
    return config.vae.steps
  steps = config.get("contrast", {}).get("steps", 0)
  return steps + len(config.get("levels", (1,)))


def _leaf_categories(data: Data) -> np.ndarray | None:
  categories = data.catalogue.categories
  return categories[:, -1] if categories.shape[1] else None
