"""Trains a generator on the semantic IDs."""

import dataclasses
import functools
import pathlib
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from ml_collections import ConfigDict

from experiments.stages.choices import chosen
from experiments.stages.prepare import Data
from gr_jax.artefacts import Artefact, build_resumable
from gr_jax.data.requests import TRAIN
from gr_jax.generators.catalogue_counts import count_catalogue
from gr_jax.generators.decoder_only import DecoderOnly
from gr_jax.generators.examples import (
  Examples,
  ExamplesConfig,
  group_targets,
  training_examples,
)
from gr_jax.generators.prompts import PromptConfig, PromptWriter
from gr_jax.generators.vocabulary import Vocabulary, build_vocabulary
from gr_jax.nn.dot import bf16_dot_general
from gr_jax.nn.transformer import TransformerConfig
from gr_jax.objectives.next_token import code_losses
from gr_jax.parallel import hosts
from gr_jax.parallel.mesh import MeshConfig, make_mesh, replicated
from gr_jax.tokenizers.semantic_ids import SemanticIds
from gr_jax.training.checkpoints import Checkpoints
from gr_jax.training.loop import LoopConfig, fit, make_step
from gr_jax.training.optimizer import OptimizerConfig, make_optimizer
from gr_jax.training.state import TrainState, create_state
from gr_jax.training.throughput import dense_flops, matmul_peak


@dataclasses.dataclass(frozen=True)
class Generator:
  """A trained generator and what writes its prompts.

  `params` holds all that `model.apply` reads: the trained parameters and,
  where the recipe has them, the counts.
  """

  model: DecoderOnly
  params: Any
  writer: PromptWriter
  artefact: Artefact


PRODUCTS = {"bfloat16": bf16_dot_general, "float32": jax.lax.dot_general}


def dot_general(precision: str):
  """The product that `config.precision` names: "bfloat16" or "float32"."""
  return chosen("precision", precision, PRODUCTS)


def make_vocabulary(
  data: Data, semantic_ids: SemanticIds, config: PromptConfig
) -> Vocabulary:
  """Words of the training queries, facts of the users who were there."""
  requests = data.requests
  asked = requests.query[(requests.split == TRAIN) & (requests.query >= 0)]
  return build_vocabulary(
    requests.queries[asked],
    requests.profiles,
    semantic_ids.level_sizes,
    user_buckets=config.user_buckets,
  )


def count_variables(
  data: Data, semantic_ids: SemanticIds, config: ConfigDict
) -> dict[str, Any]:
  """`{"counts": ...}` of the training period; nothing where alpha is 0."""
  if not config.count_alpha:
    return {}
  counts = count_catalogue(
    semantic_ids, data.catalogue.popularity, alpha=config.count_alpha
  )
  return {"counts": {"catalogue": counts}}


def loss(model: DecoderOnly, params, batch: Examples, counts):
  """Sum over levels of the next-token loss, and its parts."""
  variables = params | counts
  logits = model.apply(variables, batch.prompt, batch.queries, batch.codes)
  losses = code_losses(logits, batch.codes, where=batch.mask)
  metrics = {"train/loss": losses.sum()}
  metrics |= {f"train/loss_{l + 1}": losses[l] for l in range(len(losses))}
  return losses.sum(), metrics


def train(
  config: ConfigDict,
  workdir: pathlib.Path,
  data: Data,
  semantic_ids: SemanticIds,
  inputs: list[str],
) -> Generator:
  """The trained generator; training goes on where it was cut off.

  Args:
    config: sections prompt, examples, model, optimizer, loop, mesh, and
      `precision` and `seed`.
    workdir: of the run.
    data: requests of the training split are learned.
    semantic_ids: of the catalogue.
    inputs: fingerprints of the artefacts behind the arguments.
  """
  prompt_config = PromptConfig(**config.prompt)
  vocabulary = make_vocabulary(data, semantic_ids, prompt_config)
  writer = PromptWriter(data.requests, semantic_ids, vocabulary, prompt_config)
  model = DecoderOnly(
    TransformerConfig(**config.model),
    vocabulary.prompt_size,
    semantic_ids.level_sizes,
    bool((semantic_ids.codes < 0).any()),
    dot_general(config.precision),
  )
  mesh = make_mesh(MeshConfig(**config.mesh))
  loop = LoopConfig(**config.loop)
  optimizer = make_optimizer(OptimizerConfig(**config.optimizer), loop.steps)
  examples = ExamplesConfig(**config.examples, seed=config.seed)
  counts = jax.device_put(
    count_variables(data, semantic_ids, config), replicated(mesh)
  )
  state = _initial_state(
    model, writer, counts, optimizer, mesh, seed=config.seed
  )

  def make(directory: pathlib.Path) -> None:
    if hosts.is_first():
      vocabulary.save(directory / "vocabulary.json")
    batches = training_examples(
      data.requests,
      group_targets(data.requests, split=TRAIN),
      writer,
      semantic_ids.codes,
      config=examples,
    )
    with jax.set_mesh(mesh):
      fit(
        jax.tree.map(jnp.copy, state),
        make_step(
          functools.partial(loss, model),
          optimizer,
          like=state,
          fixed=(counts,),
        ),
        iter(batches),
        config=loop,
        directory=directory,
        mesh=mesh,
        speed=_speed(state.params, model, writer, examples, mesh),
      )

  artefact = build_resumable(
    workdir, "generator", config.to_dict(), inputs, make
  )
  checkpoints = Checkpoints(artefact.directory / "checkpoints")
  trained = checkpoints.restore_state(checkpoints.latest, state)
  checkpoints.close()
  # Each host searches by itself, so each has all parameters.
  params = hosts.own_copy(trained.params | counts)
  return Generator(model, params, writer, artefact)


def _initial_state(
  model, writer, counts, optimizer, mesh, *, seed
) -> TrainState:
  """Random parameters; a prompt of one row gives the shapes."""
  prompt = writer.prompts(np.zeros(1, np.int64), shown=np.ones(1, bool))
  queries = writer.queries(np.full((1, 1), -1))
  codes = np.zeros((1, 1, len(model.level_sizes)), np.int32)

  def init(key):
    # As if from `model.init`, which would not know the counts.
    inputs = (prompt, queries, codes)
    _, made = model.apply(
      counts, *inputs, rngs={"params": key}, mutable=["params"]
    )
    return made

  return create_state(
    init,
    optimizer,
    jax.random.key(seed),
    mesh=mesh,
  )


def _speed(params, model, writer, examples, mesh):
  """From seconds per step to what a user compares."""
  branches = examples.targets * len(model.level_sizes)
  positions = examples.batch_size * (1 + writer.config.history + branches)
  devices = mesh.devices.size
  peak = matmul_peak(
    positions // devices,
    model.config.width,
    model.config.feed_forward,
    dot_general=model.dot_general,
  )
  flops = dense_flops(params, positions)

  def speed(seconds: float) -> dict[str, float]:
    targets = examples.batch_size * examples.targets
    return {
      "train/examples_per_second": targets / seconds,
      "train/tokens_per_second": positions / seconds,
      "train/share_of_matmul_peak": flops / seconds / (peak * devices),
    }

  return speed
