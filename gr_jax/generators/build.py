"""The generators that configs and manifests name.

A new network is one line of `NETWORKS`: training, retrieval, serving and
ahead-of-time compilation build it from there.
"""

import pkgutil
from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np

from gr_jax.candidates.candidates import Candidates
from gr_jax.choices import choose
from gr_jax.generators.network import Network
from gr_jax.generators.pretrained.text_to_codes import TextToCodes
from gr_jax.generators.prompts.prompt_encoder import (
  FlattenItems,
  MergeItems,
  PromptEncoder,
  SumItems,
)
from gr_jax.generators.prompts.writer import Prompt
from gr_jax.generators.reading import AnyVocabulary
from gr_jax.nn.layers import DotGeneral
from gr_jax.nn.precision import dot_general
from gr_jax.nn.transformer import TransformerConfig
from gr_jax.tokenizers.semantic_ids import SemanticIds

# By name: the module in this folder and its function, which gets the section
# and the parts that all networks share. Imported where it is named.
NETWORKS = {
  "decoder_only": "decoder_only:build",
  "encoder_decoder": "encoder_decoder:build",
  "lazy_ar": "lazy_ar:build",
  "nci": "encoder_decoder:build_nci",
  "pretrained": "pretrained.build:build",
}

PROMPT_ENCODERS: Mapping[str, Callable[[DotGeneral], PromptEncoder]] = {
  "sum_items": lambda product: SumItems(),
  "flatten_items": lambda product: FlattenItems(),
  "merge_items": MergeItems,
}
_RENAMED = dict(zip(("summed", "tokens", "merged"), PROMPT_ENCODERS))


def network_of(section: Mapping[str, Any]) -> Callable[..., Network]:
  """The function of `NETWORKS` that a generator section names."""
  name = section.get("network", "decoder_only")
  place = choose("generator.network", name, NETWORKS)
  return pkgutil.resolve_name(f"gr_jax.generators.{place}")


def prompt_encoder_of(section: Mapping[str, Any]) -> PromptEncoder:
  """The prompt encoder that a generator section names.

  Raises:
    ValueError: there is no such encoder, or its name is of an earlier version.
  """
  name = section.get("prompt_encoder", "sum_items")
  if name in _RENAMED:
    raise ValueError(
      f"generator.prompt_encoder {name!r} is now {_RENAMED[name]!r}; rename it."
    )
  make = choose("generator.prompt_encoder", name, PROMPT_ENCODERS)
  return make(dot_general(section["precision"]))


def build_generator(
  section: Mapping[str, Any],
  *,
  vocabulary: AnyVocabulary,
  semantic_ids: SemanticIds,
  candidate_features: int = 0,
) -> Network:
  """Builds the network of a generator section, without parameters.

  Args:
    section: `model` as `TransformerConfig`, `precision`; it may have `network`,
      one of `NETWORKS` (else "decoder_only"), and `prompt_encoder`, one of
      `PROMPT_ENCODERS` (else "sum_items"). "nci" also has `adaptor_layers`,
      "lazy_ar" `early_layers` and, to predict values, `value` with `buckets`.
    vocabulary: the tokens of the prompts.
    semantic_ids: the codes that are generated.
    candidate_features: the number of features of a candidate, 0 without.

  Raises:
    ValueError: a name that is not in the tables, or sizes that no network of
      this name has.
  """
  return network_of(section)(
    section,
    config=TransformerConfig(**section["model"]),
    prompt_size=vocabulary.prompt_size,
    level_sizes=semantic_ids.level_sizes,
    ends=bool((semantic_ids.codes < 0).any()),
    dot_general=dot_general(section["precision"]),
    prompt_encoder=prompt_encoder_of(section),
    candidate_features=candidate_features,
  )


def initializer(
  model: Network, counts: Mapping[str, Any]
) -> Callable[[jax.Array], Any]:
  """The function from a key to random parameters `{"params": ...}`, boxed.

  Args:
    model: the network.
    counts: the variables that it reads beside its parameters, or nothing.
  """
  if isinstance(model, TextToCodes):
    return model.initializer(counts)
  levels = len(model.level_sizes)
  # Parameters do not depend on the sizes of prompts: one item gives the shapes.
  prompt = Prompt(
    profile=np.zeros((1, 1, 1), np.int32),
    history=np.zeros((1, 1, levels + 2), np.int32),
    mask=np.ones((1, 2), bool),
    candidates=_no_candidates(levels, model.candidate_features),
  )
  queries = np.zeros((1, 1, 1), np.int32)
  codes = np.zeros((1, 1, levels), np.int32)

  def init(key: jax.Array) -> Any:
    # As if from `model.init`, which would not know the counts.
    _, params = model.apply(
      counts, prompt, queries, codes, rngs={"params": key}, mutable=["params"]
    )
    return params

  return init


def _no_candidates(levels: int, features: int) -> Candidates | None:
  if not features:
    return None
  return Candidates(
    codes=np.zeros((1, 1, 1, levels), np.int32),
    features=np.zeros((1, 1, 1, features), np.float32),
    mask=np.zeros((1, 1, 1), bool),
    kind=np.zeros((1, 1), np.int32),
  )
