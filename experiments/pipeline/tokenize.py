"""Fits a tokenizer and gives every item its semantic ID."""

import dataclasses
import pathlib
from collections.abc import Callable, Sequence
from typing import Any

import flax.serialization
import jax
import numpy as np
from ml_collections import ConfigDict
from tqdm import tqdm

from experiments.pipeline.embed import Vectors
from experiments.pipeline.prepare import Data
from gr_jax.artefacts import Artefact, build, write_json
from gr_jax.choices import choose
from gr_jax.tokenizers import cluster_split, collisions, quality, quantizers
from gr_jax.tokenizers.semantic_ids import SemanticIds
from gr_jax.training.scan_fit import Progress


@dataclasses.dataclass(frozen=True)
class Fitted:
  """What a tokenizer gives for a catalogue.

  Attributes:
    state: its arrays, kept for items that come later.
    codes: `[N, L]`.
    level_sizes: codes per level.
    latents: `[N, W]` what the codebooks quantize.
    codebooks: per level `[C_l, W]`.
    reconstructed: `[N, D]` the vectors as `codes` tell them.
    history: rows of training metrics.
  """

  state: Any
  codes: np.ndarray
  level_sizes: tuple[int, ...]
  latents: np.ndarray
  codebooks: Sequence[jax.Array]
  reconstructed: np.ndarray
  history: list[dict[str, float]]


FitTokenizer = Callable[[ConfigDict, Data, Vectors, Progress], Fitted]
"""(tokenizer section, data, vectors, progress) -> Fitted."""


@dataclasses.dataclass(frozen=True)
class Tokenized:
  """Semantic IDs of the catalogue."""

  semantic_ids: SemanticIds
  artefact: Artefact


def _clusters(fitted: Fitted, popularity: np.ndarray) -> SemanticIds:
  del popularity
  return collisions.leave_clusters(fitted.codes, fitted.level_sizes)


def _suffix(fitted: Fitted, popularity: np.ndarray) -> SemanticIds:
  return collisions.add_suffix(
    fitted.codes, fitted.level_sizes, priority=popularity
  )


def _split(fitted: Fitted, popularity: np.ndarray) -> SemanticIds:
  del popularity
  return cluster_split.split_large_clusters(fitted.codes, fitted.level_sizes)


def _sinkhorn(fitted: Fitted, popularity: np.ndarray) -> SemanticIds:
  del popularity
  *above, last = fitted.codebooks
  told = quantizers.sum_codes(fitted.codes[:, :-1], above) if above else 0.0
  return collisions.sinkhorn_reassign(
    fitted.codes,
    fitted.level_sizes,
    residuals=fitted.latents - told,
    codebook=last,
  )


COLLISIONS = {
  "clusters": _clusters,
  "suffix": _suffix,
  "split": _split,
  "sinkhorn": _sinkhorn,
}


def tokenize(
  config: ConfigDict,
  workdir: pathlib.Path,
  data: Data,
  vectors: Vectors,
  *,
  fit: FitTokenizer,
) -> Tokenized:
  """The IDs, the tokenizer's arrays and a report on their quality.

  Args:
    config: `collisions`, one of `COLLISIONS`, and what `fit` reads.
    workdir: of the run.
    data: catalogue and clicks.
    vectors: of items and queries.
    fit: of the recipe.
  """
  resolve = choose("tokenizer.collisions", config.collisions, COLLISIONS)

  def make(directory: pathlib.Path) -> None:
    with tqdm(
      desc="tokenize", total=_steps(config), unit="step", mininterval=1.0
    ) as bar:

      def progress(step: int, metrics: dict[str, float]) -> None:
        bar.update(step - bar.n)
        bar.set_postfix_str(f"loss {metrics['loss']:.3f}")

      fitted = fit(config, data, vectors, progress)
    ids = resolve(fitted, data.catalogue.popularity)
    ids.save(directory / "semantic_ids")
    (directory / "state.msgpack").write_bytes(
      flax.serialization.to_bytes(fitted.state)
    )
    write_json(directory / "history.json", fitted.history)
    report = quality.report(
      ids,
      vectors=vectors.items,
      restored=fitted.reconstructed,
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
