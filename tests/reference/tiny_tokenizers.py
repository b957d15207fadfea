"""A tiny section of every tokenizer and policy on equal codes, and its fit."""

import dataclasses
import pathlib
import shutil

import numpy as np
from ml_collections import ConfigDict

from configs import acrq as acrq_config
from configs import cq_sid as cq_sid_config
from configs import dsi as dsi_config
from configs import given_ids as given_ids_config
from configs import rq_kmeans as rq_kmeans_config
from configs import rq_vae as rq_vae_config
from configs import sa2crq as sa2crq_config
from configs import sarq as sarq_config
from configs import ua_sid as ua_sid_config
from experiments import (
  cq_sid,
  dsi,
  given_ids,
  rq_kmeans,
  rq_vae,
  sa2crq,
  ua_sid,
)
from experiments.pipeline.embed import Vectors
from experiments.pipeline.prepare import Data
from experiments.pipeline.tokenize import Tokenized, tokenize
from gr_jax.artefacts import build
from gr_jax.data.catalogue import Catalogue
from gr_jax.fingerprints import fingerprint
from gr_jax.tokenizers.tokenizer import ReadsFields, Tokenizer
from tests.reference.alone import alone
from tests.reference.small_world import shop

WIDTH = 256  # That of the text encoder, which reads new items.
# Recipe, and what it has otherwise.
CASES = {
  "cq_sid": (cq_sid_config, cq_sid.fit, {}),
  "cq_sid without categories": (
    cq_sid_config,
    cq_sid.fit,
    {"category_depth": 0},
  ),
  "rq_vae": (rq_vae_config, rq_vae.fit, {}),
  "rq_kmeans": (rq_kmeans_config, rq_kmeans.fit, {}),
  "balanced": (rq_kmeans_config, rq_kmeans.fit, {"clusters": "balanced"}),
  "clusters": (rq_kmeans_config, rq_kmeans.fit, {"collisions": "clusters"}),
  "split": (rq_kmeans_config, rq_kmeans.fit, {"collisions": "split"}),
  "sinkhorn": (rq_kmeans_config, rq_kmeans.fit, {"collisions": "sinkhorn"}),
  "sarq": (sarq_config, sa2crq.fit, {}),
  "acrq": (acrq_config, sa2crq.fit, {}),
  "sa2crq": (sa2crq_config, sa2crq.fit, {}),
  "atomic": (dsi_config, dsi.fit, {"ids": "atomic"}),
  "naive": (dsi_config, dsi.fit, {"ids": "naive"}),
  "semantic": (dsi_config, dsi.fit, {"ids": "semantic"}),
  "ua_sid": (ua_sid_config, ua_sid.fit, {"category_depth": 2}),
  "given_ids": (
    given_ids_config,
    given_ids.fit,
    {"path": str(pathlib.Path(__file__).with_name("given_ids.json"))},
  ),
}


def section(case: str) -> ConfigDict:
  """The section of a case, for the sixty items of the small world."""
  config, _, changes = CASES[case]
  found = config.get_config("tiny").tokenizer
  if "vae" in found:
    found.vae.update(
      levels=(4, 4, 8), hidden=(8,), latent=4, batch_size=32, steps=4
    )
  if "tail_steps" in found:
    found.tail_steps = min(found.tail_steps, 2)
    found.head_levels = (4, 4, 8) if found.head_share >= 1 else (2, 3, 8)
  if "levels" in found:
    found.levels = (4, 4) if found.name != "ua_sid" else (4, 2, 8)
  if found.name == "ua_sid":
    found.contrast.update(steps=2, batch_size=8, width=8, feed_forward=8)
  if "leaf" in found:
    found.update(branches=3, leaf=25)
  found.update(changes)
  return found


def with_fields(catalogue: Catalogue) -> Catalogue:
  """Items of five accounts and two types of conversion; one has no account."""
  place = np.arange(len(catalogue))
  fields = np.empty((len(catalogue), 2), object)
  fields[:, 0] = [None, *(f"account {p % 5}" for p in place[1:])]
  fields[:, 1] = [f"conversion {p % 2}" for p in place]
  return dataclasses.replace(
    catalogue, fields=fields, field_names=("account", "conversion")
  )


def encode(tokenizer: Tokenizer, vectors, categories=None) -> np.ndarray:
  """Whole codes of new items, with made-up fields where they are read."""
  if not isinstance(tokenizer, ReadsFields):
    return tokenizer.encode(vectors, categories)
  fields = np.empty((len(vectors), len(tokenizer.field_names)), object)
  for place, name in enumerate(tokenizer.field_names):
    fields[:, place] = [f"{name} {row % 7}" for row in range(len(vectors))]
  return tokenizer.encode(vectors, categories, fields)


def data(workdir) -> Data:
  """The data stage of a run on the small world."""
  catalogue, requests = with_fields(shop().catalogue), shop().requests

  def save(directory) -> None:
    catalogue.save(directory / "catalogue")

  return Data(catalogue, requests, build(workdir, "data", {}, [], save))


def vectors(workdir) -> Vectors:
  """The vectors stage: random items of the text encoder's width."""
  rng = np.random.default_rng(0)
  items = rng.normal(size=(60, WIDTH)).astype(np.float32) / 16
  queries = rng.normal(size=(len(shop().requests.queries), WIDTH)) / 16

  def save(directory) -> None:
    np.save(directory / "items.npy", items)

  section = {"text_weight": 1.0, "dimensions": 0}
  inputs = [fingerprint("data", {}, [])]
  artefact = build(workdir, "vectors", section, inputs, save)
  return Vectors(items, queries.astype(np.float32), artefact)


def fit(case: str, workdir, *, keep=lambda result: None) -> Tokenized:
  """Runs the stages up to the tokenizer's; `keep` sees the fit's result."""

  def kept(*arguments):
    result = CASES[case][1](*arguments)
    keep(result)
    return result

  return tokenize(
    section(case), workdir, data(workdir), vectors(workdir), fit=kept
  )


def copy(case: str, shared: pathlib.Path, workdir: pathlib.Path):
  """A copy of the stages up to the tokenizer's, fitted once for all tests.

  Args:
    case: one of `CASES`.
    shared: the folder of all of pytest's processes.
    workdir: the folder of the copy.
  """
  fitted = shared / "tokenizers" / case
  fitted.mkdir(parents=True, exist_ok=True)
  with alone(fitted / "lock"):
    fit(case, fitted / "run")
  return shutil.copytree(fitted / "run", workdir)
