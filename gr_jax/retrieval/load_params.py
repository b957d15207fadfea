"""The parameters of a trained generator, read and checked."""

import functools
import pathlib
from typing import Any

import jax
import numpy as np
from flax import linen as nn

from gr_jax.decoding.value_ranking import is_valued
from gr_jax.generators.build import Network, initializer
from gr_jax.generators.values import VALUES, load_values
from gr_jax.training.whole_steps import defect


def read_params(directory: pathlib.Path) -> Any:
  """The parameters that a training left to search with.

  Args:
    directory: the stage; without "params", its last whole checkpoint has
      them.
  """
  # Imported late: reading manifests must not wait for it.
  from orbax.checkpoint import v1 as ocp

  params = directory.absolute() / "params"
  if params.is_dir():
    kept: Any = ocp.metadata(str(params)).metadata
    return ocp.load(str(params), _on_this_host(kept))
  directory = directory / "checkpoints"
  if not directory.is_dir():
    raise FileNotFoundError(f"there is no folder {directory}")
  with ocp.training.Checkpointer(str(directory.absolute())) as checkpoints:
    steps = [each.step for each in checkpoints.checkpoints]
    whole = [step for step in steps if defect(directory / str(step)) is None]
    if not whole:
      raise ValueError(f"no whole checkpoint in {directory}")
    # The one tree of arrays; the place in the input is no tree.
    kept = checkpoints.metadata(whole[-1]).metadata
    state = checkpoints.load_checkpointables(whole[-1], {"state": kept})
  return state["state"]["params"]


def _on_this_host(kept: Any) -> Any:
  """Arrays as they were saved, on one device, wherever they lay before."""
  here = jax.sharding.SingleDeviceSharding(jax.local_devices()[0])
  return jax.tree.map(
    lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=here), kept
  )


def check_params(params: Any, like: Any) -> None:
  """Checks parameters against those that the model would be initialized with.

  Raises:
    ValueError: a parameter that is missing, has another shape, is of no use,
      or holds NaN or infinity.
  """
  found, expected = _by_path(params), _by_path(like)
  for path in sorted(found.keys() ^ expected.keys()):
    where = "configuration" if path in found else "checkpoint"
    raise ValueError(f"the {where} has no parameter {path}")
  for path, leaf in found.items():
    if leaf.shape != expected[path].shape:
      raise ValueError(
        f"the checkpoint has {path} of {leaf.shape}, its configuration of "
        f"{expected[path].shape}"
      )
    if not np.isfinite(leaf).all():
      raise ValueError(f"{path} holds NaN or infinity")


def _by_path(tree: Any) -> dict[str, Any]:
  return {
    jax.tree_util.keystr(path, simple=True, separator="/"): leaf
    for path, leaf in jax.tree.leaves_with_path(tree)
  }


def read_values(model: Network, directory: pathlib.Path) -> dict[str, Any]:
  """`{"values": ...}` of a generator that predicts values, else `{}`.

  Raises:
    FileNotFoundError: a generator that predicts values has lost them.
  """
  found = load_values(directory)
  if is_valued(model) and not found:
    raise FileNotFoundError(f"{directory / VALUES} is missing")
  return found


def expected_params(model: Network, counts: Any) -> Any:
  """Shapes of the parameters that a model would be initialized with.

  Args:
    model: the generator.
    counts: all else that it reads.
  """
  leaves, tree = jax.tree.flatten(counts)
  shapes = tuple(jax.ShapeDtypeStruct(x.shape, x.dtype) for x in leaves)
  return _initial(model, tree, shapes)


@functools.lru_cache(maxsize=4)  # A server that reloads has traced it before.
def _initial(model: Network, tree: Any, leaves: tuple) -> Any:
  def init(counts: Any, key: jax.Array) -> Any:
    return initializer(model, counts)(key)

  counts = jax.tree.unflatten(tree, leaves)
  return nn.unbox(jax.eval_shape(init, counts, jax.random.key(0)))
