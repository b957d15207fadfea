"""CQ-SID (Tmall, arXiv 2605.14434): categories and queries shape the IDs."""

import functools

import jax
import numpy as np
from ml_collections import ConfigDict

from experiments.pipeline import run as retrieval
from experiments.pipeline.embed import Vectors
from experiments.pipeline.prepare import Data
from gr_jax.data.requests import Requests
from gr_jax.data.training_period import page_mask
from gr_jax.tokenizers import cq_sid_training
from gr_jax.tokenizers.clicks import Clicks
from gr_jax.tokenizers.cq_sid import CqSid, category_column
from gr_jax.tokenizers.rq_vae import fit_result
from gr_jax.tokenizers.tokenizer import FitResult


def training_clicks(requests: Requests) -> tuple[np.ndarray, np.ndarray]:
  """(item, query) of everything that a training query led to."""
  request = requests.page_request
  kept = page_mask(requests) & (requests.query[request] >= 0)
  return requests.page_item[kept], requests.query[request[kept]]


def categories_at(data: Data, depth: int) -> tuple[np.ndarray, int]:
  """Categories `[N]` of all items at a depth from 1 on, and their number.

  Depth 0, or a catalogue without categories: all unknown.
  """
  column = category_column(data.catalogue.categories, depth)
  names = data.catalogue.category_names[:depth]
  return column, len(names[-1]) if names else 0


def fit(
  section: ConfigDict, data: Data, vectors: Vectors, progress
) -> FitResult:
  """CQ-SID's codes; without queries or categories, what is left of it."""
  categories, num_categories = categories_at(data, section.category_depth)
  pairs = np.stack(training_clicks(data.requests), axis=-1)
  clicks = Clicks(vectors.items, categories, vectors.queries, pairs)
  fitted, history = cq_sid_training.fit(
    clicks,
    num_categories=num_categories,
    config=CqSid.settings(section),
    key=jax.random.key(section.seed),
    progress=progress,
  )
  codes = fitted.encode(vectors.items, categories)
  return fit_result(fitted, fitted.vae, codes, vectors.items, history)


run = functools.partial(retrieval.run, fit_tokenizer=fit)
