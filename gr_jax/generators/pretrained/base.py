"""The model that a pretrained generator begins with: a folder, and its weights.

A run refers to a folder of the user's, or has one of its own in `base`, made of
a GGUF file or of random weights. Its generator is stored without the weights
that stand still, so that searching reads the folder again; `digest` says
whether it is the one that was trained with.
"""

import hashlib
import json
import pathlib
import struct
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
from jax.sharding import Mesh

from gr_jax.generators.placement import frozen_shardings, unextended_shardings
from gr_jax.generators.pretrained.build import arrangement_of
from gr_jax.generators.pretrained.frozen import FROZEN
from gr_jax.generators.pretrained.load import load_params
from gr_jax.generators.pretrained.safetensors_file import find_tensors
from gr_jax.generators.pretrained.text_to_codes import TextToCodes

FOLDER = "base"
"""The folder of a run that has its own."""

_SAMPLE = 2**16


def base_folder(run: pathlib.Path, section: Mapping[str, Any]) -> pathlib.Path:
  """The folder of the model that the generator of a run begins with.

  Args:
    run: the folder of the run.
    section: the section of its generator.

  Raises:
    FileNotFoundError: it is not there.
    ValueError: it is not the one that the generator was trained with.
  """
  own = run / FOLDER
  folder = own if own.is_dir() else pathlib.Path(section["pretrained"]["path"])
  if not folder.is_dir():
    raise FileNotFoundError(
      f"the generator of {run} begins with the model in {folder}, which is not "
      "there."
    )
  wanted = section["pretrained"].get("digest")
  if wanted and digest(folder) != wanted:
    raise ValueError(
      f"the model in {folder} is not the one that the generator of {run} was "
      "trained with."
    )
  return folder


def digest(folder: pathlib.Path) -> str:
  """Changes when a model does: its sizes, its tokens, its weights.

  Of weights it reads headers, sizes and the first numbers, not everything.
  """
  found = hashlib.sha256()
  for name in ("config.json", "tokenizer.json"):
    found.update((folder / name).read_bytes())
  for path in sorted(set(find_tensors(folder).values())):
    with path.open("rb") as file:
      (length,) = struct.unpack("<Q", file.read(8))
      found.update(file.read(length + _SAMPLE))
    found.update(json.dumps([path.name, path.stat().st_size]).encode())
  return found.hexdigest()[:16]


def kept_dtype(section: Mapping[str, Any]) -> jax.typing.DTypeLike:
  """What weights are kept in that stand still: as their products read them."""
  return jnp.bfloat16 if section["precision"] == "bfloat16" else jnp.float32


def frozen_variables(
  model: TextToCodes,
  folder: pathlib.Path,
  section: Mapping[str, Any],
  mesh: Mesh | None = None,
) -> dict[str, Any]:
  """`{"frozen": ...}` of a folder; `{}` where everything is trained.

  Args:
    model: the generator.
    folder: the model that it begins with.
    section: the section of the generator.
    mesh: the devices; None = all on the first one.
  """
  if model.config.lora is None:
    return {}
  shardings = mesh and {"params": frozen_shardings(model, mesh)}
  params = load_params(
    folder,
    arrangement_of(section),
    dtype=kept_dtype(section),
    shardings=shardings,
  )
  return {FROZEN: params["params"]}


def all_params(
  model: TextToCodes,
  folder: pathlib.Path,
  section: Mapping[str, Any],
  mesh: Mesh,
) -> dict[str, Any]:
  """`{"params": ...}` of a folder in float32, for training all of them."""
  return load_params(
    folder,
    arrangement_of(section),
    shardings=unextended_shardings(model, mesh),
  )
