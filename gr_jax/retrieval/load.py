"""The artefacts of a finished run, as far as a search needs them.

The logs of the shop are not read: histories come with the requests.
"""

import contextlib
import dataclasses
import functools
import pathlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from gr_jax.candidates.live import LiveCandidates
from gr_jax.data.catalogue import Catalogue
from gr_jax.generators.build import Network, build_generator
from gr_jax.generators.pretrained.base import base_folder, frozen_variables
from gr_jax.generators.pretrained.text_to_codes import TextToCodes
from gr_jax.generators.priors.catalogue_counts import count_catalogue
from gr_jax.generators.priors.transitions import TRANSITIONS, Transitions
from gr_jax.generators.reading import (
  AnyPromptConfig,
  AnyVocabulary,
  load_vocabulary,
  prompt_config,
)
from gr_jax.quantization.policy import Decision
from gr_jax.retrieval import versions
from gr_jax.retrieval.load_candidates import live_candidates
from gr_jax.retrieval.load_manifests import (
  ALIGNMENT,
  cannot_be_read,
  read_manifests,
)
from gr_jax.retrieval.load_params import (
  check_params,
  expected_params,
  read_params,
  read_values,
)
from gr_jax.retrieval.weights import quantize_weights
from gr_jax.tokenizers.semantic_ids import SemanticIds


@dataclasses.dataclass(frozen=True, eq=False)
class Artefacts:
  """A finished run.

  Attributes:
    directory: the folder of the run.
    manifests: the manifests by stage.
    catalogue: the items.
    semantic_ids: the IDs of the catalogue.
    vocabulary: the tokens of prompts.
    prompt: the sizes of prompts.
    model: the generator.
    params: its parameters, on the device.
    vector_width: `D` of the vectors that the tokenizer reads.
    transitions: which items follow which, of a generator that reads it.
    candidates: writes the candidates of requests, of a generator that reads
      them.
    quantized: what became of each array of parameters; empty if they are as
      they were trained.
  """

  directory: pathlib.Path
  manifests: dict[str, Any]
  catalogue: Catalogue
  semantic_ids: SemanticIds
  vocabulary: AnyVocabulary
  prompt: AnyPromptConfig
  model: Network
  params: Any
  vector_width: int
  transitions: Transitions | None = None
  candidates: LiveCandidates | None = None
  quantized: Sequence[Decision] = ()

  @property
  def tokenizer_fingerprint(self) -> str:
    """The fingerprint of the tokenizer: codes mean the same while it is."""
    return self.manifests["tokenizer"]["fingerprint"]

  @property
  def fingerprint(self) -> str:
    """The fingerprint of the whole run."""
    last = ALIGNMENT if ALIGNMENT in self.manifests else "generator"
    return self.manifests[last]["fingerprint"]

  @property
  def version(self) -> str:
    """The name of the version, `versions.FIRST` of a run without updates."""
    return versions.name_of(self.directory)

  @property
  def tokenizer_section(self) -> dict[str, Any]:
    return self.manifests["tokenizer"]["section"]

  @property
  def category_depth(self) -> int:
    """Depth of the category that the tokenizer reads, 0 for none."""
    return self.tokenizer_section.get("category_depth", 0)

  @property
  def collisions(self) -> str:
    return self.tokenizer_section["collisions"]

  @property
  def text_weight(self) -> float:
    return self.manifests["vectors"]["section"]["text_weight"]

  @property
  def stored_vectors(self) -> bool:
    """True if the vectors came from a file, and new items bring theirs."""
    return bool(self.manifests["vectors"]["section"].get("path"))

  @property
  def count_alpha(self) -> float:
    """The pseudo-count of a generator that reads counts, else 0."""
    return self.manifests["generator"]["section"].get("count_alpha", 0.0)

  @functools.cached_property
  def variables(self) -> dict[str, Any]:
    """Everything that the model reads: the parameters, and counts if any."""
    popularity = self.catalogue.popularity
    return self.params | count_variables(
      self.semantic_ids, popularity, self.count_alpha, self.transitions
    )


def count_variables(
  semantic_ids: SemanticIds,
  popularity: np.ndarray,
  alpha: float,
  transitions: Transitions | None,
  *,
  capacity: int | None = None,
) -> dict[str, Any]:
  """`{"counts": ...}` of a catalogue; empty where `alpha` is 0.

  Args:
    semantic_ids: the IDs of the catalogue.
    popularity: training interactions `[N]`.
    alpha: the pseudo-count of an item.
    transitions: which items follow which, or None.
    capacity: as for `count_catalogue`.
  """
  if not alpha:
    return {}
  counts = count_catalogue(
    semantic_ids, popularity, alpha=alpha, capacity=capacity
  )
  found: dict[str, Any] = {"catalogue": counts}
  if transitions is not None:
    found["transitions"] = transitions
  return {"counts": found}


def load_artefacts(directory: pathlib.Path, *, weights: str = "") -> Artefacts:
  """Reads and checks what `python -m gr_jax.main --workdir=DIR` left.

  Where online updates made versions of the run, the one that is served
  (`versions.current`).

  Args:
    directory: the folder of the run, or of one of its versions.
    weights: one of `weights.WEIGHTS`, the format of the kernels; "" = theirs.

  Raises:
    FileNotFoundError: no such folder, or a stage is not finished.
    ValueError: a file is damaged, the stages are not of one run, or the kernels
      cannot have that format.
  """
  if not directory.is_dir():
    raise FileNotFoundError(
      f"there is no folder {directory}: name the --workdir of a run of "
      "`python -m gr_jax.main`."
    )
  directory = versions.current(directory)
  manifests = read_manifests(directory)
  with _one_line_errors(directory):
    found = _load(directory, manifests)
  params, made = quantize_weights(found.params, weights)
  return dataclasses.replace(found, params=params, quantized=made)


@contextlib.contextmanager
def _one_line_errors(directory: pathlib.Path) -> Iterator[None]:
  """Turns any error of a damaged file into one line that says what to do."""
  try:
    yield
  except Exception as error:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    reason = lines[0][:300]
    raise ValueError(cannot_be_read(directory, reason)) from error


def _load(directory: pathlib.Path, manifests: dict[str, Any]) -> Artefacts:
  catalogue = Catalogue.load(directory / "data" / "catalogue")
  ids = SemanticIds.load(directory / "tokenizer" / "semantic_ids")
  section = manifests["generator"]["section"]
  vocabulary = load_vocabulary(
    directory / "generator" / "vocabulary.json", section
  )
  vectors = np.load(directory / "vectors" / "items.npy", mmap_mode="r")
  if not len(catalogue) == len(ids) == len(vectors):
    raise ValueError(
      f"{len(catalogue)} items, {len(ids)} semantic IDs and {len(vectors)} "
      "vectors are not of one run"
    )
  if vocabulary.level_sizes != ids.level_sizes:
    raise ValueError(
      f"the generator knows levels {vocabulary.level_sizes}, the IDs have "
      f"{ids.level_sizes}"
    )
  candidates = live_candidates(
    directory, manifests, catalogue, vectors, ids, vocabulary
  )
  model = build_generator(
    section,
    vocabulary=vocabulary,
    semantic_ids=ids,
    candidate_features=len(candidates.writer.names) if candidates else 0,
  )
  transitions = _transitions(directory / "generator", section)
  trained = ALIGNMENT if ALIGNMENT in manifests else "generator"
  params = read_params(directory / trained)
  # Parameters do not depend on the number of items: one is counted, whose ID
  # ends early if any does.
  alpha = section.get("count_alpha", 0.0)
  row = int((ids.codes < 0).any(axis=1).argmax())
  one = SemanticIds(ids.codes[row : row + 1], ids.level_sizes)
  counts = count_variables(one, np.ones(1), alpha, transitions)
  check_params(params, expected_params(model, counts))
  params |= read_values(model, directory / trained)
  if isinstance(model, TextToCodes):
    folder = base_folder(directory, section)
    params |= frozen_variables(model, folder, section)
  return Artefacts(
    directory=directory,
    manifests=manifests,
    catalogue=catalogue,
    semantic_ids=ids,
    vocabulary=vocabulary,
    prompt=prompt_config(section),
    model=model,
    params=params,
    vector_width=vectors.shape[1],
    transitions=transitions,
    candidates=candidates,
  )


def _transitions(
  directory: pathlib.Path, section: dict[str, Any]
) -> Transitions | None:
  """The transitions that were counted when the generator was trained."""
  if not section.get("transitions", {}).get("neighbours"):
    return None
  return Transitions.load(directory / TRANSITIONS)
