"""A generator before its training, as a generator section describes it."""

import dataclasses
import pathlib
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from ml_collections import ConfigDict

from experiments.pipeline.candidates import CandidateWriters, candidate_writers
from experiments.pipeline.embed import Vectors
from experiments.pipeline.prepare import Data
from gr_jax.candidates.saved import CANDIDATES
from gr_jax.data.request_lists import training_sequences
from gr_jax.data.training_period import request_mask
from gr_jax.generators import build, reading
from gr_jax.generators.pretrained.text import read_tokenizer
from gr_jax.generators.pretrained.text_vocabulary import TextVocabulary
from gr_jax.generators.pretrained.text_writer import TextPromptWriter
from gr_jax.generators.priors.catalogue_counts import count_catalogue
from gr_jax.generators.priors.transition_counts import count_transitions
from gr_jax.generators.prompts.vocabulary import Vocabulary, build_vocabulary
from gr_jax.generators.reading import AnyVocabulary, AnyWriter
from gr_jax.generators.training_examples.valued import target_values
from gr_jax.generators.values import value_variables
from gr_jax.objectives.value_buckets import value_buckets
from gr_jax.tokenizers.semantic_ids import SemanticIds


@dataclasses.dataclass(frozen=True, eq=False)
class Untrained:
  """A generator without parameters, and everything that its training needs.

  Attributes:
    section: the generator's section of the config.
    data: the catalogue and the log.
    semantic_ids: the IDs of the catalogue.
    vocabulary: the tokens.
    writer: the writer of prompts of requests after the training period.
    training_writer: the writer of prompts of training requests.
    candidates: the writers of candidates; None without.
    model: the network.
    base: the folder of the model that a pretrained one begins with; None of
      others.
  """

  section: ConfigDict
  data: Data
  semantic_ids: SemanticIds
  vocabulary: AnyVocabulary
  writer: AnyWriter
  training_writer: AnyWriter
  candidates: CandidateWriters | None
  model: build.Network
  base: pathlib.Path | None = None

  @property
  def learned(self) -> np.ndarray | None:
    """`[R]` bool, the training requests that are learned; None = all."""
    return self.candidates and self.candidates.requests

  @property
  def prompt_length(self) -> int:
    """The positions of a prompt."""
    if isinstance(self.writer, TextPromptWriter):
      return self.writer.length
    levels = len(self.semantic_ids.level_sizes)
    encoder = build.prompt_encoder_of(self.section)
    return encoder.length(items=self.writer.config.history, levels=levels)

  def counts(self) -> dict[str, Any]:
    """What is counted of the training period and not trained.

    `{"counts": ...}` but where alpha is 0, and `{"values": ...}`, the buckets
    of a generator that predicts values.
    """
    found = count_variables(self.data, self.semantic_ids, self.section)
    return found | self._values()

  def _values(self) -> dict[str, Any]:
    count = self.section.get("value", {}).get("buckets", 0)
    if not count:
      return {}
    values = target_values(self.data.requests)
    buckets = value_buckets(values, count=count).padded(count)
    return value_variables(buckets)

  def initializer(self, counts: dict[str, Any]) -> Callable[[jax.Array], Any]:
    """The function from a key to random parameters, beside `counts`."""
    return build.initializer(self.model, counts)


def build_untrained(
  section: ConfigDict,
  data: Data,
  semantic_ids: SemanticIds,
  vectors: Vectors | None = None,
  *,
  trained: pathlib.Path | None = None,
  base: pathlib.Path | None = None,
) -> Untrained:
  """The parts of the generator that a section describes.

  Args:
    section: has `prompt` as `PromptConfig`, and the keys of
      `build.build_generator` and of the task.
    data: the catalogue and the log.
    semantic_ids: the IDs of the catalogue.
    vectors: of items and queries; without any there are no candidates.
    trained: the folder of this generator after its training: what it saved of
      its candidates is loaded.
    base: the folder of the model that a pretrained generator begins with.
  """
  prompt = reading.prompt_config(section)
  page_ends = int(section.get("task") == "page_wise")
  vocabulary = make_vocabulary(
    data,
    semantic_ids,
    prompt,
    page_ends=page_ends,
    with_texts=bool(section.get("examples", {}).get("text_share")),
  )
  if base is not None:
    ends = bool((semantic_ids.codes < 0).any())
    vocabulary = TextVocabulary.make(
      vocabulary, read_tokenizer(base), ends=ends
    )
  writers: CandidateWriters | None = None
  if vectors is not None:
    saved = trained and trained / CANDIDATES
    writers = candidate_writers(
      section, data, semantic_ids, vectors, saved=saved
    )
  writer = reading.make_writer(
    data.requests,
    semantic_ids,
    vocabulary,
    prompt,
    writers and writers.used,
  )
  training_writer = writer
  if writers is not None:
    training_writer = writer.with_candidates(writers.learned)
  model = build.build_generator(
    section,
    vocabulary=vocabulary,
    semantic_ids=semantic_ids,
    candidate_features=len(writers.used.names) if writers else 0,
  )
  return Untrained(
    section,
    data,
    semantic_ids,
    vocabulary,
    writer,
    training_writer,
    writers,
    model,
    base,
  )


def make_vocabulary(
  data: Data,
  semantic_ids: SemanticIds,
  config: reading.AnyPromptConfig,
  *,
  page_ends: int = 0,
  with_texts: bool = False,
) -> Vocabulary:
  """Words of the training queries, and facts about their users.

  Words of the items' texts as well where they are learned as queries.
  """
  requests = data.requests
  trained = request_mask(requests)
  rows = requests.query[trained]
  texts = data.catalogue.texts.tolist() if with_texts else []
  return build_vocabulary(
    [*requests.queries[rows[rows >= 0]], *texts],
    requests.profiles[np.unique(requests.user[trained])],
    semantic_ids.level_sizes,
    user_buckets=getattr(config, "user_buckets", 0),
    page_ends=page_ends,
  )


def transition_options(config: ConfigDict) -> dict[str, int]:
  """The options of `count_transitions`; empty where none are counted.

  Args:
    config: a generator section; it may have `transitions` with `window`,
      `neighbours` (0 = none are counted) and `last`.
  """
  options = config.get("transitions")
  return options.to_dict() if options and options.neighbours else {}


def count_variables(
  data: Data, semantic_ids: SemanticIds, config: ConfigDict
) -> dict[str, Any]:
  """`{"counts": ...}` of the training period; empty where alpha is 0.

  `config` has `count_alpha`, and the keys that `transition_options` reads.

  Raises:
    ValueError: transitions without `count_alpha`, or learned by whole pages,
      which would not leave out a page's own pairs.
  """
  options = transition_options(config)
  if options and not config.count_alpha:
    raise ValueError(
      "generator.transitions are counted beside popularity: set "
      "generator.count_alpha above 0."
    )
  if options and config.get("task", "point_wise") == "page_wise":
    raise ValueError(
      "generator.transitions are learned item by item; generator.task is "
      f"{config.task!r}."
    )
  if not config.count_alpha:
    return {}
  counts = count_catalogue(
    semantic_ids, data.catalogue.popularity, alpha=config.count_alpha
  )
  if not options:
    return {"counts": {"catalogue": counts}}
  sequences = training_sequences(data.requests)
  transitions = count_transitions(
    semantic_ids, sequences.rows, sequences.owners, **options
  )
  return {"counts": {"catalogue": counts, "transitions": transitions}}
