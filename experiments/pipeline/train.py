"""Trains a generator on the semantic IDs."""

import dataclasses
import functools
import pathlib
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from ml_collections import ConfigDict

from experiments.pipeline.prepare import Data
from experiments.pipeline.recipe import Recipe, recipe_of
from experiments.pipeline.throughput_metrics import speed_of
from experiments.pipeline.transition_options import transitions_of
from gr_jax.artefacts import Artefact, build_resumable
from gr_jax.data.request_lists import training_sequences
from gr_jax.data.requests import TRAIN
from gr_jax.generators.decoder_only import DecoderOnly
from gr_jax.generators.priors.catalogue_counts import count_catalogue
from gr_jax.generators.priors.transition_counts import count_transitions
from gr_jax.generators.priors.transitions import TRANSITIONS
from gr_jax.generators.prompts.vocabulary import Vocabulary, build_vocabulary
from gr_jax.generators.prompts.writer import PromptConfig, PromptWriter
from gr_jax.nn.precision import dot_general
from gr_jax.nn.transformer import TransformerConfig
from gr_jax.parallel import hosts
from gr_jax.parallel.mesh import MeshConfig, make_mesh, replicated
from gr_jax.tokenizers.semantic_ids import SemanticIds
from gr_jax.training.checkpoints import Checkpoints
from gr_jax.training.loop import LoopConfig, fit, make_step
from gr_jax.training.optimizer import OptimizerConfig, make_optimizer
from gr_jax.training.state import create_state


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


def make_vocabulary(
  data: Data,
  semantic_ids: SemanticIds,
  config: PromptConfig,
  *,
  page_ends: int = 0,
) -> Vocabulary:
  """Words of the training queries, facts of the users who were there."""
  requests = data.requests
  asked = requests.query[(requests.split == TRAIN) & (requests.query >= 0)]
  return build_vocabulary(
    requests.queries[asked],
    requests.profiles,
    semantic_ids.level_sizes,
    user_buckets=config.user_buckets,
    page_ends=page_ends,
  )


def count_variables(
  data: Data, semantic_ids: SemanticIds, config: ConfigDict
) -> dict[str, Any]:
  """`{"counts": ...}` of the training period; nothing where alpha is 0.

  Args:
    data: what is counted.
    semantic_ids: of the catalogue.
    config: `count_alpha`, and what `transitions_of` reads.

  Raises:
    ValueError: transitions without `count_alpha`, or taught by whole pages,
      which would not leave out a page's own pairs.
  """
  told = transitions_of(config)
  if told and not config.count_alpha:
    raise ValueError(
      "generator.transitions are told beside popularity: set "
      "generator.count_alpha above 0."
    )
  if told and config.get("task", "point_wise") != "point_wise":
    raise ValueError(
      "generator.transitions are learned point_wise; generator.task is "
      f"{config.task!r}."
    )
  if not config.count_alpha:
    return {}
  counts = count_catalogue(
    semantic_ids, data.catalogue.popularity, alpha=config.count_alpha
  )
  if not told:
    return {"counts": {"catalogue": counts}}
  counted = training_sequences(data.requests)
  transitions = count_transitions(
    semantic_ids, counted.rows, counted.owners, **told
  )
  return {"counts": {"catalogue": counts, "transitions": transitions}}


def make_model(
  config: ConfigDict,
  recipe: Recipe,
  vocabulary: Vocabulary,
  semantic_ids: SemanticIds,
):
  """The generator of a generator section, without parameters."""
  return recipe.network(
    TransformerConfig(**config.model),
    vocabulary.prompt_size,
    semantic_ids.level_sizes,
    bool((semantic_ids.codes < 0).any()),
    dot_general(config.precision),
    recipe.prompt_encoder,
  )


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
      `precision` and `seed`; what else a recipe may say see `recipe_of`.
    workdir: of the run.
    data: requests of the training split are learned.
    semantic_ids: of the catalogue.
    inputs: fingerprints of the artefacts behind the arguments.
  """
  recipe = recipe_of(config)
  prompt_config = PromptConfig(**config.prompt)
  vocabulary = make_vocabulary(
    data, semantic_ids, prompt_config, page_ends=recipe.page_ends
  )
  writer = PromptWriter(data.requests, semantic_ids, vocabulary, prompt_config)
  model = make_model(config, recipe, vocabulary, semantic_ids)
  mesh = make_mesh(MeshConfig(**config.mesh))
  loop = LoopConfig(**config.loop)
  optimizer = make_optimizer(OptimizerConfig(**config.optimizer), loop.steps)
  counts = jax.device_put(
    count_variables(data, semantic_ids, config), replicated(mesh)
  )
  state = create_state(
    initializer(model, writer, counts),
    optimizer,
    jax.random.key(config.seed),
    mesh=mesh,
  )

  def make(directory: pathlib.Path) -> None:
    if hosts.is_first():
      vocabulary.save(directory / "vocabulary.json")
      if transitions_of(config):
        # The logs that they were counted from are not there when it serves.
        counts["counts"]["transitions"].save(directory / TRANSITIONS)
    task = recipe.task(config, data, semantic_ids, writer, vocabulary)
    with jax.set_mesh(mesh):
      fit(
        jax.tree.map(jnp.copy, state),
        make_step(
          functools.partial(task.loss, model),
          optimizer,
          like=state,
          fixed=(counts,),
        ),
        iter(task.batches),
        config=loop,
        directory=directory,
        mesh=mesh,
        speed=speed_of(state.params, model, task, writer.config, mesh=mesh),
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


def initializer(model, writer, counts):
  """From a key to random parameters; a prompt of one row gives the shapes."""
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

  return init
