"""The arms of UA-SID's study: codes of made-up ads, vectors of a log's ads."""

import functools
from collections.abc import Mapping

import jax
import numpy as np

from experiments import cq_sid, rq_vae, ua_sid
from experiments.pipeline.from_data import with_fields
from experiments.studies.ua_sid_ads import FIELDS
from experiments.studies.ua_sid_paper import BASELINE, RAW
from experiments.studies.variant import Run, Variant
from experiments.studies.world import World, seeded
from gr_jax.tokenizers import rq_kmeans, rq_vae_training
from gr_jax.tokenizers import ua_sid as tokenizer
from gr_jax.tokenizers.rq_vae import RqVae


def _silent(step: int, metrics: Mapping[str, float]) -> None:
  del step, metrics


# Codes of the ads that are known at the fit, and of those that come later.


def _hashed(run: Run, fields: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
  ads, config = run.world.ads, run.config.tokenizer
  read = ads.fields[:, [FIELDS.index(name) for name in fields]]
  fitted = tokenizer.fit(
    ads.vectors[: ads.known],
    read[: ads.known],
    config=tokenizer.UaSidConfig(
      tuple(config.levels), config.iterations, fields
    ),
    key=jax.random.key(run.seed),
  )
  later = fitted.tokenizer.encode(
    ads.vectors[ads.known :], fields=read[ads.known :]
  )
  return fitted.codes, later


def _clustered(run: Run) -> tuple[np.ndarray, np.ndarray]:
  ads, config = run.world.ads, run.config.tokenizer
  balanced = run.name.endswith("balanced")
  section = config.to_dict() | {"clusters": "balanced" if balanced else "plain"}
  found = rq_kmeans.fit(
    ads.vectors[: ads.known],
    config=rq_kmeans.RqKMeans.settings(section),
    key=jax.random.key(run.seed),
  )
  later = rq_kmeans.RqKMeans(found.codebooks).encode(ads.vectors[ads.known :])
  return np.asarray(found.codes), later


def _autoencoded(run: Run) -> tuple[np.ndarray, np.ndarray]:
  ads = run.world.ads
  section = seeded(run.config.rq_vae, run.seed)
  section.vae.levels = run.config.tokenizer.levels
  fitted, _ = rq_vae_training.fit(
    ads.vectors[: ads.known],
    config=RqVae.settings(section),
    key=jax.random.key(run.seed),
    progress=_silent,
  )
  codes = fitted.encode(ads.vectors)
  return codes[: ads.known], codes[ads.known :]


# Vectors of the ads of a log, from those that are given.


def _contrast(run: Run) -> np.ndarray:
  world = run.world
  section = seeded(run.config.tokenizer, run.seed)
  section = with_fields(section, world.data.catalogue)
  key = jax.random.key(run.seed)
  made, _ = ua_sid.contrast(
    section, world.data, world.vectors.items, key, _silent
  )
  if made is None:
    raise ValueError("no two ads are partners; take more users.")
  ads = ads_of(world)
  given = ads.means(world.vectors.items)
  return made.encoder.encode(given, ads.rows[ads.first])


def _quantized_vectors(run: Run) -> np.ndarray:
  """Those that RQ-VAE or CQ-SID quantizes."""
  world, section = run.world, seeded(run.config[run.name], run.seed)
  fit = {"cq_sid": cq_sid.fit, "rq_vae": rq_vae.fit}[run.name]
  fitted = fit(section, world.data, world.vectors, _silent).tokenizer
  vae = fitted if isinstance(fitted, RqVae) else fitted.vae
  return np.asarray(vae.latents(ads_of(world).means(world.vectors.items)))


def _given(run: Run) -> np.ndarray:
  return ads_of(run.world).means(run.world.vectors.items)


def ads_of(world: World) -> ua_sid.Ads:
  """The ads of a log, which all arms share."""

  def make() -> ua_sid.Ads:
    section = with_fields(world.config.tokenizer, world.data.catalogue)
    return ua_sid.ads_of(section, world.data)

  return world.once("ads", make)


VARIANTS = {
  BASELINE: Variant("RQ-KMeans", make=_clustered),
  "rq_kmeans_balanced": Variant("RQ-KMeans, balanced", make=_clustered),
  "rq_vae_codes": Variant("RQ-VAE", make=_autoencoded),
  "by_owner": Variant(
    "UA-SID, hash by owner",
    make=functools.partial(_hashed, fields=FIELDS[1:]),
  ),
  "ua_sid": Variant("UA-SID", make=functools.partial(_hashed, fields=FIELDS)),
  RAW: Variant("the given vectors", make=_given),
  "rq_vae": Variant("RQ-VAE's vectors", make=_quantized_vectors),
  "cq_sid": Variant("CQ-SID's vectors", make=_quantized_vectors),
  "contrast": Variant("the contrast's vectors", make=_contrast),
}
