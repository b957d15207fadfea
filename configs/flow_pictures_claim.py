"""Whether pictures of a small flow model show the class of their caption.

  python -m gr_jax.main --config=configs/flow_pictures_claim.py

The run of `configs/flow_pictures.py`, whose guidance scales stand beside real
pictures: half an hour on a CPU core. Presets: `tiny` (shows that it runs, not
what is true).

`--config.output=DIR` writes the table and the picture there as well.
"""

from ml_collections import ConfigDict

from configs import flow_pictures

PRESETS = flow_pictures.PRESETS


def get_config(preset: str = "") -> ConfigDict:
  config = flow_pictures.get_config(preset)
  config.name = "flow_pictures_claim"
  config.experiment = "studies.flow_pictures"
  config.output = ""
  config.seeds = (0,)
  scales = config.evaluation.guidance
  config.variants = ("real", *(f"guidance_{scale:g}" for scale in scales))
  config.choices = {}
  config.worlds = {config.data.source: {}}
  return config
