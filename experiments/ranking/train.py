"""Trains ULTRA-HSTU on ranking examples."""

import dataclasses
import functools
import pathlib
import sys
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from ml_collections import ConfigDict

from experiments.pipeline.prepare import Data
from gr_jax.artefacts import Artefact, build_resumable, write_json
from gr_jax.data.batches import numbered_batches
from gr_jax.data.requests import TRAIN, VALID
from gr_jax.parallel import hosts
from gr_jax.parallel.mesh import MeshConfig, batch_parts, make_mesh, put_batch
from gr_jax.ranking.batches import BatchWriter, RowsConfig
from gr_jax.ranking.build import build_ranker, tables_of
from gr_jax.ranking.examples import ExamplesConfig, make_examples
from gr_jax.ranking.ranker_files import save_ranker, smallest_batch
from gr_jax.ranking.sequences import RankingBatch
from gr_jax.ranking.ultra_hstu import UltraHSTU
from gr_jax.recipes import keys
from gr_jax.training.averaging import used_params
from gr_jax.training.checkpoints import load_params, save_params
from gr_jax.training.loop import LoopConfig, fit, make_step
from gr_jax.training.optimizer import OptimizerConfig, make_optimizer
from gr_jax.training.state import create_state
from gr_jax.training.stopping import HELD_OUT

_ROWS = "rows.json"


@dataclasses.dataclass(frozen=True)
class TrainedRanker:
  """A trained ranker and how its rows are written.

  Attributes:
    model: the network, with products in float32.
    params: its parameters.
    categories: `[N, levels]` of the items.
    examples: what examples hold.
    rows: the shape of a batch.
    artefact: the stage.
  """

  model: UltraHSTU
  params: Any
  categories: np.ndarray
  examples: ExamplesConfig
  rows: RowsConfig
  artefact: Artefact


def train(
  config: ConfigDict, workdir: pathlib.Path, data: Data
) -> TrainedRanker:
  """The trained ranker; training goes on where it was cut off.

  Args:
    config: sections examples (`ExamplesConfig`), rows (`RowsConfig` without its
      block), model (`TransducerConfig`, `events`, `late_layers`, `matches`),
      optimizer, loop, mesh, and `precision`, `held_out` (batches) and `seed`.
    workdir: gets the folder "ranker".
    data: training requests are learned.
  """
  examples = ExamplesConfig(**config.examples)
  kept = config.rows.kept if config.model.late_layers else 0
  rows = RowsConfig(
    **config.rows.to_dict() | {"block": config.model.block, "kept": kept}
  )
  section = config.to_dict()
  tables = tables_of(data.catalogue.categories, data.requests.event_action)
  model = build_ranker(section, tables)
  categories = data.catalogue.categories.astype(np.int32)
  mesh = make_mesh(MeshConfig(**config.mesh))
  if rows.rows % batch_parts(mesh):
    raise ValueError(
      f"ranker.rows.rows ({rows.rows}) must be a multiple of the "
      f"{batch_parts(mesh)} devices that share a batch."
    )
  loop = LoopConfig(**config.loop)
  optimizer = make_optimizer(OptimizerConfig(**config.optimizer), loop.steps)
  like = smallest_batch(section)
  state = create_state(
    lambda key: model.init(key, like, categories),
    optimizer,
    jax.random.key(config.seed),
    mesh=mesh,
  )

  def make(directory: pathlib.Path) -> None:
    writer, held_out = (
      BatchWriter(
        data.requests, make_examples(data.requests, examples, split=split), rows
      )
      for split in (TRAIN, VALID)
    )
    epochs = writer.epochs()
    some = [row for i in range(20) for row in epochs.rows(i)]
    share = writer.useful_share(some)
    text = (
      f"rows: {len(writer.places):,} examples with "
      f"{writer.targets.sum():,} targets; {share:.0%} of the places that are "
      "computed hold an event"
    )
    if hosts.is_first():
      print(text, file=sys.stderr, flush=True)
      write_json(directory / _ROWS, {"useful_share": share, "sentence": text})
    step = make_step(
      functools.partial(ranking_loss, model),
      optimizer,
      like=state,
      seed=config.seed,
    )
    batches = numbered_batches(lambda i: writer.write(epochs.rows(i)))
    measured = None
    if loop.eval_every and len(held_out.places):
      some = held_out.in_order()[: config.held_out]
      fixed = [put_batch(held_out.write(each), mesh) for each in some]
      measured = _held_out(model, fixed, categories)
    with jax.set_mesh(mesh):
      trained = fit(
        jax.tree.map(jnp.copy, state),
        lambda state, batch: step(state, batch, categories),
        iter(batches),
        config=loop,
        directory=directory,
        mesh=mesh,
        held_out=measured,
      )
    save_params(directory, used_params(trained))
    if hosts.is_first():
      save_ranker(directory, section, tables, origin=writer.origin)

  inputs = [data.artefact.fingerprint]
  artefact = build_resumable(
    workdir, "ranker", keys.stored(section), inputs, make
  )
  params = load_params(artefact.directory, state.params)
  exact = build_ranker(section, tables, precision="float32")
  return TrainedRanker(
    exact, hosts.own_copy(params), categories, examples, rows, artefact
  )


def ranking_loss(
  model: UltraHSTU,
  params: Any,
  batch: RankingBatch,
  categories: jax.Array,
  *,
  key: jax.Array | None = None,
) -> tuple[jax.Array, dict[str, jax.Array]]:
  r"""`\sum w BCE / \sum w` over targets and tasks, and the metrics."""
  drops = key is not None and model.config.early.dropout
  rngs = {"dropout": key} if drops else {}
  logits: Any = model.apply(params, batch, categories, rngs=rngs)
  targets = batch.targets
  losses = optax.sigmoid_binary_cross_entropy(logits, targets.labels)
  total = jnp.maximum(targets.weights.sum(), 1)
  loss = (targets.weights * losses).sum() / total
  return loss, {"train/loss": loss}


def _held_out(model: UltraHSTU, batches: list, categories: np.ndarray):
  @jax.jit
  def sums(params: Any, batch: RankingBatch) -> tuple[jax.Array, jax.Array]:
    loss, _ = ranking_loss(model, params, batch, categories)
    return loss, batch.targets.weights.sum()

  def measured(state: Any) -> dict[str, float]:
    found = [sums(used_params(state), batch) for batch in batches]
    losses, weights = (np.array(jax.device_get(x)) for x in zip(*found))
    return {HELD_OUT: float((losses * weights).sum() / weights.sum())}

  return measured
