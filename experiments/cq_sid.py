"""CQ-SID (Tmall, arXiv 2605.14434): categories and queries shape the IDs."""

import pathlib

import jax
import numpy as np
from ml_collections import ConfigDict

from experiments.pipeline import run as retrieval
from experiments.pipeline.embed import Vectors
from experiments.pipeline.prepare import Data
from experiments.pipeline.tokenize import Fitted
from experiments.rq_vae import fitted
from gr_jax.data.requests import CLICKED, TRAIN, Requests
from gr_jax.nn.precision import dot_general
from gr_jax.tokenizers import cq_sid, rq_vae
from gr_jax.tokenizers.codebooks import EmaCodebook


def run(config: ConfigDict, workdir: pathlib.Path) -> dict:
  """The whole job with CQ-SID's tokenizer."""
  settings(config.tokenizer)
  return retrieval.run(config, workdir, fit_tokenizer=fit)


def training_clicks(requests: Requests) -> tuple[np.ndarray, np.ndarray]:
  """(item, query) of everything that a training query led to."""
  request = requests.page_request
  kept = (
    (requests.page_kind >= CLICKED)
    & (requests.split[request] == TRAIN)
    & (requests.query[request] >= 0)
  )
  return requests.page_item[kept], requests.query[request[kept]]


def settings(config: ConfigDict) -> cq_sid.CqSidConfig:
  """The tokenizer section as the tokenizer's own config.

  Raises:
    ValueError: an unknown precision, or too few levels.
  """
  if len(config.vae.levels) < 2:
    raise ValueError(
      f"tokenizer.vae.levels is {tuple(config.vae.levels)}; CQ-SID needs one "
      "level for the category and at least one below."
    )
  vae = rq_vae.RqVaeConfig(
    **config.vae,
    codebook=EmaCodebook(**config.ema),
    dot_general=dot_general(config.precision),
  )
  return cq_sid.CqSidConfig(vae=vae, **config.contrast)


def categories_at(data: Data, depth: int) -> tuple[np.ndarray, int]:
  """Category of every item at a depth from 1 on, and how many there are.

  Depth 0, or a catalogue without categories: all unknown.
  """
  columns = data.catalogue.categories
  if not depth or not columns.shape[1]:
    return np.full(len(data.catalogue), -1, np.int32), 0
  depth = min(depth, columns.shape[1])
  return columns[:, depth - 1], len(data.catalogue.category_names[depth - 1])


def fit(config: ConfigDict, data: Data, vectors: Vectors, progress) -> Fitted:
  """CQ-SID's codes; without queries or categories, what is left of it."""
  tokenizer = settings(config)
  categories, num_categories = categories_at(data, config.category_depth)
  pair_item, pair_query = training_clicks(data.requests)
  state, history = cq_sid.fit(
    vectors.items,
    categories=categories,
    num_categories=num_categories,
    query_vectors=vectors.queries,
    pair_item=pair_item,
    pair_query=pair_query,
    config=tokenizer,
    key=jax.random.key(config.seed),
    progress=progress,
  )
  codes = cq_sid.encode(
    state, vectors.items, categories=categories, config=tokenizer
  )
  return fitted(state, codes, vectors, config=tokenizer.vae, history=history)
