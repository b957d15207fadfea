"""The programs of a config, as shapes: nothing is run and no array is made.

train    a training step
rollout  the groups of an alignment step
update   the update of that step
prefill  the prompts of a search
decode   the last step of a search: one code more of every beam
search   a whole search
"""

from jax.sharding import Mesh
from ml_collections import ConfigDict

from tools.ahead import searching, training
from tools.ahead.program import Program
from tools.ahead.searching import Sizes
from tools.ahead.shop import Parts

_TRAINING = {
  "train": training.train,
  "rollout": training.rollout,
  "update": training.update,
}
_SEARCHING = {
  "prefill": searching.prefill,
  "decode": searching.decode,
  "search": searching.search,
}


def kinds(config: ConfigDict) -> tuple[str, ...]:
  """The programs that a config has."""
  trained = ("train", "rollout", "update") if "align" in config else ("train",)
  return (*trained, *_SEARCHING)


def program(kind: str, given: Parts, mesh: Mesh, sizes: Sizes) -> Program:
  """A program of `kinds` for the devices of a mesh.

  Raises:
    ValueError: sizes that the mesh does not divide.
  """
  if kind in _TRAINING:
    return _TRAINING[kind](given, mesh)
  return _SEARCHING[kind](given, mesh, sizes)
