"""Trains HSTU as a sequential retriever; it ranks as baselines do."""

import dataclasses
import functools
import pathlib
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh
from ml_collections import ConfigDict

from experiments.pipeline.eval_requests import EvalRequests
from experiments.pipeline.prepare import Data
from gr_jax.artefacts import Artefact, build_resumable
from gr_jax.data.batches import numbered_batches
from gr_jax.data.row_lists import RowLists, from_spans
from gr_jax.data.training_period import event_mask
from gr_jax.dense import ranking
from gr_jax.nn.precision import dot_general
from gr_jax.parallel import hosts
from gr_jax.parallel.mesh import batch_parts
from gr_jax.ranking.hstu import (
  HSTU,
  HSTUConfig,
  item_vectors,
  newest_states,
  next_item_loss,
)
from gr_jax.ranking.transducer import TransducerConfig
from gr_jax.ranking.user_rows import RowWriter, batches_of_epoch
from gr_jax.recipes import keys
from gr_jax.training.averaging import used_params
from gr_jax.training.checkpoints import load_params, save_params
from gr_jax.training.loop import LoopConfig, fit, make_step
from gr_jax.training.optimizer import OptimizerConfig, make_optimizer
from gr_jax.training.state import create_state

_REQUESTS = 128


@dataclasses.dataclass(frozen=True)
class Retriever:
  """A trained HSTU.

  Attributes:
    model: the network.
    params: its parameters.
    index: the items.
    writer: writes histories as rows.
    length: the newest events that are read.
    artefact: the stage.
  """

  model: HSTU
  params: Any
  index: ranking.DenseIndex
  writer: RowWriter
  length: int
  artefact: Artefact

  def rank(
    self, requests: EvalRequests, *, k: int, exclude: RowLists | None
  ) -> np.ndarray:
    """`[R, k]` int32 catalogue rows; without a history the popular ones."""
    states = jax.jit(functools.partial(newest_states, self.model))
    log, width = requests.table, self.model.config.transducer.width
    found = np.zeros((len(requests.rows), width), np.float32)
    for begin in range(0, len(found), _REQUESTS):
      rows = requests.rows[begin : begin + _REQUESTS]
      # The last batch is filled up with its own rows: one shape is compiled.
      wide = np.resize(rows, _REQUESTS)
      batch = self.writer.read(
        log.user[wide], log.history_end[wide], log.time[wide]
      )
      of = np.asarray(states(self.params, batch))[: len(rows)]
      empty = batch.items[: len(rows), 0] < 0
      found[begin : begin + len(rows)] = np.where(empty[:, None], 0, of)
    return ranking.rank(self.index, found, k=k, exclude=exclude)

  def read_items(self, requests: EvalRequests) -> RowLists:
    """The items that are read of each request."""
    log, rows = requests.table, requests.rows
    end = log.history_end[rows]
    begin = np.maximum(log.user_offsets[log.user[rows]], end - self.length)
    return from_spans(log.event_item, begin, end)


def train_retriever(
  config: ConfigDict, workdir: pathlib.Path, data: Data, mesh: Mesh
) -> Retriever:
  """The trained retriever; training goes on where it was cut off.

  Args:
    config: sections model (`TransducerConfig`), optimizer, loop, and `seed`,
      `precision`, `length`, `batch_size` (users), `negatives`, `temperature`.
    workdir: gets the folder "retriever".
    data: what every user took in the training period is learned, the newest
      `length` places of it; an epoch has each user once at most.
    mesh: the devices.

  Raises:
    ValueError: nobody has two events, or the devices cannot share a batch.
  """
  log = data.requests
  writer = RowWriter(log, config.length)
  # Events of the training period come first.
  trained = np.append(0, np.cumsum(event_mask(log)))
  count = trained[log.user_offsets[1:]] - trained[log.user_offsets[:-1]]
  users = np.flatnonzero(count >= 2)
  if not len(users):
    raise ValueError("no user has two events in the training period.")
  if config.batch_size % batch_parts(mesh):
    raise ValueError(
      f"hstu.batch_size ({config.batch_size}) must be a multiple of the "
      f"{batch_parts(mesh)} devices that share a batch."
    )
  end = log.user_offsets[:-1] + count
  sizes = HSTUConfig(
    len(data.catalogue),
    config.length,
    TransducerConfig(**config.model),
    config.temperature,
  )
  model = HSTU(sizes, dot_general(config.precision))
  loop = LoopConfig(**config.loop)
  optimizer = make_optimizer(OptimizerConfig(**config.optimizer), loop.steps)
  like = writer.learned(users[:1], end[users[:1]])
  state = create_state(
    lambda key: model.init(key, like),
    optimizer,
    jax.random.key(config.seed),
    mesh=mesh,
  )

  @functools.lru_cache(2)
  def epoch(number: int):
    return batches_of_epoch(
      np.minimum(count[users] - 1, config.length),
      batch=config.batch_size,
      length=config.length,
      rng=np.random.default_rng((config.seed, number)),
    )

  def batch(number: int):
    each = len(epoch(0))
    rows, places = epoch(number // each)[number % each]
    some = users[rows]
    return writer.learned(some, end[some], places=places)

  def make(directory: pathlib.Path) -> None:
    step = make_step(
      functools.partial(next_item_loss, model, negatives=config.negatives),
      optimizer,
      like=state,
      seed=config.seed,
    )
    with jax.set_mesh(mesh):
      found = fit(
        jax.tree.map(jnp.copy, state),
        step,
        iter(numbered_batches(batch)),
        config=loop,
        directory=directory,
        mesh=mesh,
      )
    save_params(directory, used_params(found))

  inputs = [data.artefact.fingerprint]
  section = keys.stored(config.to_dict())
  artefact = build_resumable(workdir, "retriever", section, inputs, make)
  params = hosts.own_copy(load_params(artefact.directory, state.params))
  index = ranking.index_items(
    np.asarray(item_vectors(params)), data.catalogue.popularity
  )
  return Retriever(model, params, index, writer, config.length, artefact)
