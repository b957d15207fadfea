"""UA-SID (GR4AD, arXiv 2602.22732): contrast, balanced clusters, a hash."""

import functools

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
from gr_jax.tokenizers.ad_vectors import AdVectors, facts_of
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


def contrast(
  section: ConfigDict, data: Data, items: np.ndarray, key, progress
) -> tuple[AdVectors | None, list[dict[str, float]]]:
  """The encoder that the contrast trains, and its history.

  Items with one text, category and owner are one ad. None where no two ads are
  partners.
  """
  options, catalogue = section.contrast, data.catalogue
  categories, num_categories = categories_at(data, section.category_depth)
  fields = catalogue.fields_of(options.facts)
  facts = facts_of(fields, num_categories=num_categories)
  rows = facts.rows(categories, fields)
  _, content = np.unique(catalogue.texts.astype(str), return_inverse=True)
  first, ad_of_item = ad_contrast.distinct_triples(
    np.column_stack([content, rows])
  )
  lists = taken_together(data.requests)
  similarities = swing.similarities(
    RowLists(lists.offsets, ad_of_item[lists.rows]),
    num_items=len(first),
    alpha=options.alpha,
    neighbours=options.neighbours,
    seed=section.seed,
  )
  if not similarities.nnz:
    print("ua_sid: no two ads are partners; vectors stay as they are.")
    return None, []
  network = AdNetwork(
    facts.sizes,
    width=options.width or items.shape[1],
    feed_forward=options.feed_forward,
  )
  encoder, history = ad_contrast.fit(
    network,
    items[first],
    rows[first],
    sparse.csr_array(similarities),
    config=ad_contrast.AdContrastConfig(
      batch_size=options.batch_size,
      steps=options.steps,
      temperature=options.temperature,
      optimizer=OptimizerConfig(learning_rate=options.learning_rate),
    ),
    key=key,
    progress=progress,
  )
  return AdVectors(encoder, facts, tuple(options.facts)), history


run = functools.partial(retrieval.run, fit_tokenizer=fit)
