"""Part (c) of the GenRec study: what is judged by whom in a known world."""

from ml_collections import ConfigDict

from experiments.pipeline.preference import fit_preference_model
from experiments.pipeline.tokenize import Tokenized
from experiments.pipeline.train import Generator
from experiments.studies import genrec_policies
from experiments.studies.genrec_world import World
from gr_jax.data.worlds import shop_config, shop_world
from gr_jax.rl.rewards.items import ItemReward

Judge = tuple[dict[str, ItemReward], ItemReward, str]


def judge_of(world: World) -> Judge:
  """Rewards to report, the judge with its blind spot, and its fingerprint."""
  config = world.config
  model = fit_preference_model(
    config.preference, world.workdir, world.data, world.vectors
  )
  world.judged = model.quality
  world.seconds += model.artefact.seconds
  options = world.world.data.to_dict()
  del options["source"]
  seed = options.pop("seed")
  known = shop_world.generate(shop_config.ShopWorldConfig(**options), seed=seed)
  fooled = genrec_policies.with_blind_spot(
    model.model, world.data.catalogue, **config.blind_spot
  )
  rewards = {
    "learned_reward": fooled,
    "true_reward": genrec_policies.truth(known),
  }
  return rewards, fooled, model.artefact.fingerprint


def align_all(
  world: World,
  seed: int,
  tokenized: Tokenized,
  generator: Generator,
  judge: Judge,
) -> None:
  """Aligns a generator in all ways, and measures what came out."""
  rewards, fooled, fingerprint = judge
  config = world.config
  section = ConfigDict(
    config.align.to_dict() | {"blind_spot": config.blind_spot.to_dict()}
  )
  for name in config.policies:
    made = genrec_policies.aligned(
      section,
      name,
      world.workdir / f"seed_{seed}" / name,
      world.data,
      world.vectors,
      tokenized,
      generator,
      judge=fooled,
      inputs=[fingerprint, world.vectors.artefact.fingerprint],
      seed=seed,
    )
    world.seconds += made.artefact.seconds
    world.measure(name, seed, tokenized, made, rewards)
