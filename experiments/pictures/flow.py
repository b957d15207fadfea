"""Trains the flow model that a run of pictures begins with."""

import dataclasses
import pathlib
from typing import Any

import jax
import numpy as np
from ml_collections import ConfigDict

from experiments.pictures.worlds import build_world
from gr_jax.artefacts import Artefact, build_resumable
from gr_jax.choices import choose
from gr_jax.data.requests import TRAIN
from gr_jax.data.worlds.scenes.picture_world import PictureWorld
from gr_jax.diffusion.flow_model import FlowModel, FlowModelConfig
from gr_jax.diffusion.generation import (
  Generate,
  GenerationConfig,
  make_generate,
)
from gr_jax.diffusion.networks.mm_dit import MMDiTConfig
from gr_jax.diffusion.networks.sana import SanaConfig
from gr_jax.diffusion.text_encoder import TextEncoderConfig
from gr_jax.diffusion.times import LogitNormal
from gr_jax.diffusion.training import (
  Captioned,
  FlowTrainingConfig,
  initial_state,
  train,
)
from gr_jax.nn.precision import dot_general
from gr_jax.parallel.mesh import MeshConfig, make_mesh
from gr_jax.recipes import keys
from gr_jax.training.averaging import used_params
from gr_jax.training.checkpoints import load_params, save_params
from gr_jax.training.loop import LoopConfig
from gr_jax.training.optimizer import OptimizerConfig

FOLDER = "flow"
NETWORKS = {"mm_dit": MMDiTConfig, "sana": SanaConfig}


@dataclasses.dataclass(frozen=True)
class TrainedFlow:
  """A flow model, and the world whose pictures it was trained on.

  Attributes:
    world: prompts, and what judges need to know of them.
    model: the network and its text encoder.
    params: `{"params": ...}`, the average over the last tenth of the steps.
    artefact: the stage.
  """

  world: PictureWorld
  model: FlowModel
  params: Any
  artefact: Artefact
  _compiled: dict[GenerationConfig, Generate] = dataclasses.field(
    default_factory=dict, repr=False
  )

  def generate(self, config: GenerationConfig) -> Generate:
    """The sampler of a config, the same one each time: it compiles once."""
    if config not in self._compiled:
      self._compiled[config] = make_generate(self.model, config)
    return self._compiled[config]


def build_model(section: ConfigDict, world: PictureWorld) -> FlowModel:
  """The model of section flow for pictures of a world.

  Raises:
    ValueError: an arrangement that does not exist, or sizes that do not fit.
  """
  sizes = section.network.to_dict()
  network = choose("flow.network.name", sizes.pop("name"), NETWORKS)
  if sizes.get("rotary_axes") is not None:
    sizes["rotary_axes"] = tuple(sizes["rotary_axes"])
  text = TextEncoderConfig(len(world.words), **section.text)
  config = FlowModelConfig(text, network(**sizes), world.size, section.predicts)
  if world.size % config.network.patch:
    raise ValueError(
      f"world.size ({world.size}) must be a multiple of flow.network.patch "
      f"({config.network.patch})."
    )
  return FlowModel(config, dot_general(section.precision))


def training_config(section: ConfigDict) -> FlowTrainingConfig:
  """The training of section flow."""
  return FlowTrainingConfig(
    batch_size=section.batch_size,
    drop_rate=section.drop_rate,
    times=LogitNormal(**section.times),
    seed=section.seed,
    optimizer=OptimizerConfig(**section.optimizer),
    loop=LoopConfig(**section.loop),
  )


def train_flow(config: ConfigDict, workdir: pathlib.Path) -> TrainedFlow:
  """Trains it, or goes on where that was cut off.

  Args:
    config: sections `world` and `flow`.
    workdir: gets the folder `flow`.
  """
  world = build_world(config.world)
  model = build_model(config.flow, world)
  training = training_config(config.flow)
  mesh = make_mesh(MeshConfig(**config.flow.mesh))

  def batch(number: int) -> Captioned:
    size = training.batch_size
    scenes = world.scenes(size, split=TRAIN, batch=int(number))
    pictures = np.asarray(world.render(scenes))
    return Captioned(pictures, world.caption_tokens(scenes.prompts))

  def make(directory: pathlib.Path) -> None:
    with jax.set_mesh(mesh):
      state = train(model, batch, config=training, directory=directory,
                    mesh=mesh)  # fmt: skip
    save_params(directory, used_params(state))

  section = keys.stored(config.flow.to_dict())
  section["world"] = config.world.to_dict()
  artefact = build_resumable(workdir, FOLDER, section, [], make)
  like = initial_state(
    model, world.caption_length, config=training, mesh=mesh
  ).params
  # Pictures are drawn and judged on one device.
  params = jax.device_put(
    jax.device_get(load_params(artefact.directory, like)), jax.devices()[0]
  )
  return TrainedFlow(world, model, params, artefact)
