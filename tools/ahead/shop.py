"""A synthetic shop in the place of a config's data.

No data is read. Codes are drawn at random from the config's levels, so that
batches, prompts and tries have the shapes that a run gives them; what differs
is the number of words in queries. A pretrained decoder has the sizes of the
published one (`published_base`).
"""

import dataclasses
import math
from typing import Any

import jax
import numpy as np
from ml_collections import ConfigDict

from experiments.pipeline.prepare import Data
from experiments.pipeline.task import Task
from experiments.pipeline.tasks import task_of
from experiments.pipeline.untrained import Untrained, build_untrained
from gr_jax.data.worlds import shop_config, shop_world
from gr_jax.decoding.trie import Trie, build_trie
from gr_jax.generators.build import Network
from gr_jax.generators.placement import abstract_params
from gr_jax.generators.pretrained.base import kept_dtype
from gr_jax.generators.pretrained.frozen import FROZEN, initialized
from gr_jax.generators.pretrained.text_to_codes import TextToCodes
from gr_jax.generators.reading import reads_text
from gr_jax.tokenizers.build import settings
from gr_jax.tokenizers.semantic_ids import SemanticIds
from tools.ahead import published_base

# Rows of embeddings are a multiple of it, so that meshes can split them.
_ROWS = 8


@dataclasses.dataclass(frozen=True)
class Parts:
  """A config's generator over the synthetic shop.

  Attributes:
    config: the whole config.
    untrained: the generator.
    task: its batches and loss.
    counts: the variables of the data that are not trained.
    frozen: shapes of the weights that stand still, boxed; {} without.
    params: shapes of the parameters, boxed with the names of their axes.
    trie: as many IDs as the catalogue shall have.
    ids: the IDs that the shop's items carry.
  """

  config: ConfigDict
  untrained: Untrained
  task: Task
  counts: dict[str, Any]
  frozen: dict[str, Any]
  params: Any
  trie: Trie
  ids: SemanticIds


def parts(config: ConfigDict, *, items: int) -> Parts:
  """The parts that a run of `config` would train, for a catalogue of `items`.

  Raises:
    ValueError: the config has no generator and tokenizer of its own, or begins
      with a model that is not a published one.
  """
  if "tokenizer" not in config or "generator" not in config:
    raise ValueError(
      "the config has no sections tokenizer and generator; only recipes of one "
      "generator can be compiled ahead."
    )
  world = shop_world.generate(
    shop_config.ShopWorldConfig(
      num_items=2000, num_users=400, num_requests=2000
    ),
    seed=0,
  )
  data = Data(world.catalogue, world.requests, artefact=None)
  sizes, ends = _levels(config.tokenizer, items)
  ids = _semantic_ids(len(world.catalogue.item_ids), sizes, ends)
  catalogue = _semantic_ids(items, sizes, ends)
  section = config.generator.copy_and_resolve_references()
  # Blocks in one turn of the scan are for CPUs, and take longer to compile.
  section.model.unroll = 1
  untrained = _untrained(config, section, data, ids)
  model, counts = untrained.model, untrained.counts()
  return Parts(
    config,
    untrained,
    task_of(section)(untrained),
    counts,
    # Here and not later: under the mesh of absent devices no key can be made.
    _frozen(model, section),
    abstract_params(model, counts),
    build_trie(catalogue.ids, sizes),
    ids,
  )


def _untrained(
  config: ConfigDict, section: ConfigDict, data: Data, ids: SemanticIds
) -> Untrained:
  """The generator of a section, which gets the sizes that it has not yet."""
  if reads_text(section):
    arrangement, tokens = published_base.base_of(config)
    published_base.described(section, arrangement)
    texts = data.catalogue.texts.tolist()
    with published_base.tokenizer_folder(texts, tokens=tokens) as base:
      return build_untrained(section, data, ids, base=base)
  untrained = build_untrained(section, data, ids)
  rows = untrained.model.prompt_size + sum(untrained.model.level_sizes)
  if rows % _ROWS:
    section.prompt.user_buckets += -rows % _ROWS
    untrained = build_untrained(section, data, ids)
  return untrained


def _frozen(model: Network, section: ConfigDict) -> dict[str, Any]:
  if not isinstance(model, TextToCodes) or model.config.lora is None:
    return {}
  found = jax.eval_shape(
    lambda: initialized(model.decoder, jax.random.key(0))[FROZEN]
  )
  dtype = kept_dtype(section)
  kept = jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, dtype), found)
  return {FROZEN: kept}


def _levels(section: ConfigDict, items: int) -> tuple[tuple[int, ...], bool]:
  """The levels that a tokenizer gives `items`, and whether IDs end early.

  Those of a tree follow from the data; here all clusters of it are as large as
  each other.
  """
  found = settings(section)
  if not found.levels:
    leaves = items / found.leaf
    depth = max(1, math.ceil(math.log(leaves, found.branches)))
    return (found.branches,) * depth + (found.leaf,), True
  levels = tuple(found.levels)
  if section.collisions == "suffix":
    # Of items whose codes are equal there are a few.
    levels = (*levels, 16)
  return levels, any(section.get("tau_items", ()))


def _semantic_ids(
  items: int, sizes: tuple[int, ...], ends: bool
) -> SemanticIds:
  rng = np.random.default_rng(0)
  codes = np.stack([rng.integers(0, size, items) for size in sizes], axis=1)
  if ends:
    codes[: items // 8, -1] = -1
  return SemanticIds(codes, sizes)
