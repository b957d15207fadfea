"""UA-SID (arXiv 2602.22732): IDs that tell copies apart, vectors of partners.

  python -m gr_jax.main --config=configs/ua_sid_claim.py

Made-up ads of which three tenths show what another shows, coded by RQ-KMeans,
RQ-VAE and UA-SID with as many codes; and the purchases of `cq_sid`, where
vectors are judged by whether what is bought together in the test period is
near. No generator is trained. Five seeds of the ads, three of the purchases;
about a quarter of an hour of a CPU core. Presets: `tiny` (shows that it runs).

`--config.output=DIR` writes the table and the picture there as well.
"""

from ml_collections import ConfigDict

from configs import cq_sid, retrieval, rq_vae, study, ua_sid

PRESETS = study.PRESETS


def get_config(preset: str = "") -> ConfigDict:
  if preset not in PRESETS:
    raise ValueError(
      f"unknown preset {preset!r}; there are: default (write nothing), tiny."
    )
  config = ConfigDict()
  config.name = "ua_sid_claim"
  config.experiment = "studies.ua_sid"
  config.output = ""
  config.seeds = (0, 1, 2)
  config.variants = ("rq_kmeans", "ua_sid")
  config.data = {"source": "complete_journey"}
  config.vectors = retrieval.base("").vectors.to_dict()
  config.tokenizer = ua_sid.get_config("").tokenizer.to_dict()
  config.rq_vae = rq_vae.get_config("").tokenizer.to_dict()
  config.cq_sid = cq_sid.get_config("").tokenizer.to_dict()
  # The sizes of CQ-SID's own study.
  config.cq_sid.vae.update(hidden=(256, 128), steps=800)
  config.evaluation = {"split": "test"}
  config.worlds = {
    "ads": made_up(noise=0.3),
    "scattered_ads": made_up(noise=1.0),
    "complete_journey": {
      "variants": ("raw", "cq_sid", "contrast"),
      # Promotions are not read.
      "data": retrieval.base("").data.to_dict() | {"max_exposures": 0},
    },
  }
  if preset == "tiny":
    _tiny(config)
  return config


def made_up(*, noise: float) -> dict:
  """A world of ads; the ads of a cluster have a spread of `noise`."""
  return {
    "seeds": (0, 1, 2, 3, 4),
    "variants": (
      "rq_kmeans",
      "rq_kmeans_balanced",
      "rq_vae_codes",
      "by_owner",
      "ua_sid",
    ),
    "ads": {
      "ads": 6000,
      "copies": 0.3,
      "later": 0.2,
      "width": 32,
      "clusters": 200,
      "accounts": 300,
      "conversions": 4,
      "noise": noise,
      "seed": 0,
    },
    "tokenizer": {"levels": (64, 16, 64)},
    "rq_vae": {
      "vae": {
        "hidden": (64,),
        "latent": 32,
        "batch_size": 512,
        "steps": 600,
      }
    },
  }


def _tiny(config: ConfigDict) -> None:
  config.seeds = (0, 1)
  config.vectors.dimensions = 16
  config.tokenizer.iterations = 2
  config.tokenizer.contrast.update(
    steps=40, batch_size=64, width=64, feed_forward=64
  )
  small = {"hidden": (64,), "latent": 16, "levels": (32, 32, 32)}
  for name in ("rq_vae", "cq_sid"):
    config[name].vae.update(small | {"batch_size": 256, "steps": 40})
  del config.worlds.scattered_ads
  ads, purchases = config.worlds.ads, config.worlds.complete_journey
  ads.seeds = (0, 1)
  ads.ads.update(ads=600, width=8, clusters=20)
  ads.tokenizer.levels = (16, 8, 16)
  ads.rq_vae.vae.steps = 40
  purchases.data.max_households = 100
