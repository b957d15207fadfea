"""The arms of the GR4AD study (arXiv 2602.22732).

sft        residual k-means IDs, a decoder that waits for every code
ua_sid     UA-SID in their place
vsl        then value-aware training, whose values rank the beam
rq_vsl     the same with the IDs of sft
lazy_K     vsl with K of the layers early
..._codes  vsl and lazy_6, whose values do not rank the beam
...        lazy_6, aligned by lists with one of several losses
..._fast   three times their rate
wrong_...  the same where the reference has read another request's prompt
width_N    lazy_6 in narrower layers
beam_N     lazy_6, searched with other beams; progressive: one a level
"""

import dataclasses

from experiments.studies.variant import Variant

# What the reference of an alignment reads.
AS_IT_IS, WRONG = "as it is", "wrong"
_NO_GATE = 1e9
BASE = "lazy_6"

_PLAIN = {
  "generator.task": "point_wise",
  "generator.early_layers": 0,
  "generator.value.buckets": 0,
}


def _lazy(layers: int, seeds: int | None = 2) -> Variant:
  changes = {"generator.early_layers": layers}
  return Variant(f"LazyAR, K = {layers}", changes, seeds=seeds)


def _narrow(width: int) -> Variant:
  """Of layers that are that wide, in the proportions of 64."""
  model = {
    "width": width, "head_size": width // 2, "feed_forward": 11 * width // 4,
  }  # fmt: skip
  changes = {f"generator.model.{k}": x for k, x in model.items()}
  return Variant(f"width {width}", changes, seeds=2)


def _aligned(
  label: str,
  loss: str,
  make: str = AS_IT_IS,
  seeds: int | None = None,
  **options: float,
) -> Variant:
  changes = {"align.loss": loss}
  changes |= {f"align.loss_options.{k}": x for k, x in options.items()}
  return Variant(label, changes, make=make, seeds=seeds)


def _fast(label: str, loss: str) -> Variant:
  slow = _aligned(f"{label}, three times the rate", loss, seeds=3)
  changes = {**slow.changes, "align.optimizer.learning_rate": 3e-4}
  return dataclasses.replace(slow, changes=changes)


def _beams(label: str, beam) -> Variant:
  return Variant(label, {"evaluation.beam": beam})


GENERATORS = {
  "sft": Variant("AR, RQ-KMeans IDs", _PLAIN, make="rq_kmeans"),
  "ua_sid": Variant("+ UA-SID", _PLAIN),
  "vsl": Variant("+ VSL", {"generator.early_layers": 0}),
  "rq_vsl": Variant(
    "VSL, RQ-KMeans IDs",
    {"generator.early_layers": 0},
    make="rq_kmeans",
    seeds=3,
  ),
  "lazy_3": _lazy(3),
  "lazy_6": _lazy(6, seeds=None),
  "lazy_8": _lazy(8),
  "width_32": _narrow(32),
  "width_48": _narrow(48),
}
ALIGNED = {
  "best_worst_dpo": _aligned("+ DPO, best and worst", "best_worst_dpo"),
  "s_dpo": _aligned("+ S-DPO", "s_dpo"),
  "grpo": _aligned("+ GRPO", "grpo"),
  "lambda": _aligned("+ LambdaLoss", "lambda", seeds=2),
  "rspo": _aligned("+ RSPO", "rspo"),
  "unified": _aligned("+ RSPO and VSL, unified", "unified"),
  "grpo_fast": _fast("+ GRPO", "grpo"),
  "rspo_fast": _fast("+ RSPO", "rspo"),
  "wrong_gated": _aligned(
    "wrong reference, gated", "rspo", WRONG, seeds=3, beta=1.0
  ),
  "wrong_ungated": _aligned(
    "wrong reference, no gate", "rspo", WRONG, seeds=3, beta=1.0, gate=_NO_GATE
  ),
}
BEAMS = {
  "beam_16": _beams("beam 16", 16),
  "beam_32": _beams("beam 32", 32),
  "beam_128": _beams("beam 128", 128),
  "progressive": _beams("beams 32, 64, 128", (32, 64, 128)),
}
# Arms that search with the generator of another.
BY_CODES = {"vsl_codes": "vsl", "lazy_6_codes": "lazy_6"}
_CODES = {
  name: dataclasses.replace(
    GENERATORS[first], label=f"{GENERATORS[first].label}, by codes alone"
  )
  for name, first in BY_CODES.items()
}
VARIANTS = GENERATORS | ALIGNED | _CODES | BEAMS
