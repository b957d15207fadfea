"""UA-SID (GR4AD, arXiv 2602.22732): contrast, balanced clusters, a hash."""

import functools
from typing import NamedTuple

import jax
import numpy as np
from ml_collections import ConfigDict
from scipy import sparse

from experiments.cq_sid import categories_at
from experiments.pipeline import run as retrieval
from experiments.pipeline.embed import Vectors
from experiments.pipeline.partners import taken_together
from experiments.pipeline.prepare import Data
from gr_jax.data import swing
from gr_jax.data.row_lists import RowLists
from gr_jax.tokenizers import ad_contrast, ua_sid
from gr_jax.tokenizers.ad_encoder import AdNetwork
from gr_jax.tokenizers.ad_vectors import AdVectors, Facts, facts_of
from gr_jax.tokenizers.tokenizer import FitResult
from gr_jax.training.optimizer import OptimizerConfig


def fit(
  section: ConfigDict, data: Data, vectors: Vectors, progress
) -> FitResult:
  """Codes of the vectors that the contrast makes, and hashes of fields.

  Vectors stay as they are with `contrast.steps` = 0, and where no two ads are
  partners.
  """
  config = ua_sid.UaSid.settings(section)
  contrast_key, key = jax.random.split(jax.random.key(section.seed))
  ads, history, items = None, [], vectors.items
  if section.contrast.steps:
    ads, history = contrast(section, data, items, contrast_key, progress)
  if ads is not None:
    categories, _ = categories_at(data, section.category_depth)
    fields = data.catalogue.fields_of(ads.field_names)
    items = ads.encode(items, categories, fields)
  fitted = ua_sid.fit(
    items,
    data.catalogue.fields_of(config.fields),
    config=config,
    key=key,
    ads=ads,
  )
  done = history[-1]["step"] if history else 0
  for row in fitted.history:
    row["step"] += done
    progress(row["step"], row)
  fitted.history[:0] = history
  return fitted


class Ads(NamedTuple):
  """Items that are one ad to the contrast: of one text, category and owner.

  Attributes:
    facts: The facts, and the values that they have.
    rows: The facts `[N, 1 + F]` of the items.
    first: One item `[M]` of each ad.
    of_item: The ad `[N]` of each item.
  """

  facts: Facts
  rows: np.ndarray
  first: np.ndarray
  of_item: np.ndarray

  def means(self, vectors: np.ndarray) -> np.ndarray:
    """The mean vectors `[M, D]` of the items of each ad, from `[N, D]`.

    Of items that show the same one is bought more than another: what one item
    says of purchases is noisier than what all of them say `[OURS]`.
    """
    size = len(self.first), len(vectors)
    entries = np.ones(size[1], np.float32), (self.of_item, np.arange(size[1]))
    sums = sparse.csr_array(entries, shape=size) @ vectors
    return sums / np.bincount(self.of_item)[:, None].astype(np.float32)


def ads_of(section: ConfigDict, data: Data) -> Ads:
  """The ads of a catalogue, by the section of the tokenizer."""
  catalogue = data.catalogue
  categories, num_categories = categories_at(data, section.category_depth)
  fields = catalogue.fields_of(section.contrast.facts)
  facts = facts_of(fields, num_categories=num_categories)
  rows = facts.rows(categories, fields)
  _, content = np.unique(catalogue.texts.astype(str), return_inverse=True)
  triples = np.column_stack([content, rows])
  return Ads(facts, rows, *ad_contrast.distinct_triples(triples))


def contrast(
  section: ConfigDict, data: Data, items: np.ndarray, key, progress
) -> tuple[AdVectors | None, list[dict[str, float]]]:
  """The encoder that the contrast trains, and its history.

  None where no two ads are partners.
  """
  options, ads = section.contrast, ads_of(section, data)
  lists = taken_together(data.requests)
  similarities = swing.similarities(
    RowLists(lists.offsets, ads.of_item[lists.rows]),
    num_items=len(ads.first),
    alpha=options.alpha,
    neighbours=options.neighbours,
    seed=section.seed,
  )
  if not similarities.nnz:
    print("ua_sid: no two ads are partners; vectors stay as they are.")
    return None, []
  network = AdNetwork(
    ads.facts.sizes,
    width=options.width or items.shape[1],
    feed_forward=options.feed_forward,
  )
  encoder, history = ad_contrast.fit(
    network,
    ads.means(items),
    ads.rows[ads.first],
    similarities,
    config=ad_contrast.AdContrastConfig(
      batch_size=options.batch_size,
      steps=options.steps,
      temperature=options.temperature,
      optimizer=OptimizerConfig(learning_rate=options.learning_rate),
    ),
    key=key,
    progress=progress,
  )
  return AdVectors(encoder, ads.facts, tuple(options.facts)), history


run = functools.partial(retrieval.run, fit_tokenizer=fit)
