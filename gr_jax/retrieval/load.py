"""What a run left on disk, as far as serving needs it.

The logs of the shop are not read: histories come with the requests.
"""

import contextlib
import dataclasses
import functools
import json
import pathlib
from collections.abc import Iterator
from typing import Any

import jax
import numpy as np

from gr_jax.data.catalogue import Catalogue
from gr_jax.generators.decoder_only import DecoderOnly
from gr_jax.generators.encoder_decoder import EncoderDecoder
from gr_jax.generators.prefix_adaptor import PrefixAdaptor
from gr_jax.generators.priors.transitions import TRANSITIONS, Transitions
from gr_jax.generators.prompts.flatten_items import FlattenItems
from gr_jax.generators.prompts.merge_items import MergeItems
from gr_jax.generators.prompts.prompt_encoder import PromptEncoder, SumItems
from gr_jax.generators.prompts.vocabulary import Vocabulary
from gr_jax.generators.prompts.writer import PromptConfig
from gr_jax.nn.dot import bf16_dot_general
from gr_jax.nn.transformer import TransformerConfig
from gr_jax.tokenizers.semantic_ids import SemanticIds

STAGES = ("data", "vectors", "tokenizer", "generator")
# Of recipes that go on from the trained generator: its parameters count then.
ALIGNMENT = "alignment"
PRODUCTS = {"bfloat16": bf16_dot_general, "float32": jax.lax.dot_general}


@dataclasses.dataclass(frozen=True, eq=False)
class Artefacts:
  """A finished run.

  Attributes:
    directory: of the run.
    manifests: by stage.
    catalogue: the items.
    semantic_ids: of the catalogue.
    vocabulary: of prompts.
    prompt: sizes of prompts.
    model: the generator.
    params: its parameters, on the device.
    vector_width: `D` of the vectors that the tokenizer reads.
    transitions: of a generator that is told what follows what.
  """

  directory: pathlib.Path
  manifests: dict[str, Any]
  catalogue: Catalogue
  semantic_ids: SemanticIds
  vocabulary: Vocabulary
  prompt: PromptConfig
  model: DecoderOnly
  params: Any
  vector_width: int
  transitions: Transitions | None = None

  @property
  def mark(self) -> str:
    """Of the tokenizer: codes mean the same while it is the same."""
    return self.manifests["tokenizer"]["fingerprint"]

  @property
  def fingerprint(self) -> str:
    """Of everything."""
    last = ALIGNMENT if ALIGNMENT in self.manifests else "generator"
    return self.manifests[last]["fingerprint"]

  @property
  def tokenizer_section(self) -> dict[str, Any]:
    return self.manifests["tokenizer"]["section"]

  @property
  def category_depth(self) -> int:
    """Depth of the category that is the first code, 0 for none."""
    return self.tokenizer_section.get("category_depth", 0)

  @property
  def collisions(self) -> str:
    return self.tokenizer_section["collisions"]

  @property
  def text_weight(self) -> float:
    return self.manifests["vectors"]["section"]["text_weight"]

  @property
  def stored_vectors(self) -> bool:
    """True if the vectors came from a file, and new items bring theirs."""
    return bool(self.manifests["vectors"]["section"].get("path"))

  @property
  def count_alpha(self) -> float:
    """Pseudo-count of a generator that is told counts, else 0."""
    return self.manifests["generator"]["section"].get("count_alpha", 0.0)

  @property
  def dot_general(self):
    """Of the tokenizer."""
    return PRODUCTS[self.tokenizer_section.get("precision", "float32")]


def load_artefacts(directory: pathlib.Path) -> Artefacts:
  """Reads and checks what `python -m gr_jax.main --workdir=DIR` left.

  Raises:
    FileNotFoundError: no such folder, or a stage is not finished.
    ValueError: a file is damaged, or the stages are not of one run.
  """
  if not directory.is_dir():
    raise FileNotFoundError(
      f"there is no folder {directory}: name the --workdir of a run of "
      "`python -m gr_jax.main`."
    )
  stages = STAGES
  # A folder without a manifest is an alignment that is not finished.
  if (directory / ALIGNMENT).is_dir():
    stages += (ALIGNMENT,)
  manifests = {stage: _manifest(directory, stage) for stage in stages}
  with _told(directory):
    return _load(directory, manifests)


def _manifest(directory: pathlib.Path, stage: str) -> dict[str, Any]:
  path = directory / stage / "manifest.json"
  if not path.is_file():
    raise FileNotFoundError(
      f"{directory} has no finished stage {stage!r}: finish the run with "
      f"`python -m gr_jax.main --workdir={directory}` and its config."
    )
  try:
    found = json.loads(path.read_text())
    _ = found["fingerprint"], found["section"]
  except (ValueError, KeyError, TypeError) as error:
    raise ValueError(f"{path} is damaged ({error}); run it anew.") from error
  return found


@contextlib.contextmanager
def _told(directory: pathlib.Path) -> Iterator[None]:
  """Turns whatever a damaged file can cause into one line that says where."""
  try:
    yield
  except Exception as error:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    raise ValueError(
      f"the artefacts in {directory} cannot be read: {lines[0][:300]}"
    ) from error


def _load(directory: pathlib.Path, manifests: dict[str, Any]) -> Artefacts:
  catalogue = Catalogue.load(directory / "data" / "catalogue")
  ids = SemanticIds.load(directory / "tokenizer" / "semantic_ids")
  vocabulary = Vocabulary.load(directory / "generator" / "vocabulary.json")
  vectors = np.load(directory / "vectors" / "items.npy", mmap_mode="r")
  section = manifests["generator"]["section"]
  if not len(catalogue) == len(ids) == len(vectors):
    raise ValueError(
      f"{len(catalogue)} items, {len(ids)} semantic IDs and {len(vectors)} "
      "vectors are not of one run"
    )
  if vocabulary.level_sizes != ids.level_sizes:
    raise ValueError(
      f"the generator knows levels {vocabulary.level_sizes}, the IDs have "
      f"{ids.level_sizes}"
    )
  model = _network(section)(
    TransformerConfig(**section["model"]),
    vocabulary.prompt_size,
    ids.level_sizes,
    bool((ids.codes < 0).any()),
    PRODUCTS[section["precision"]],
    _arrangement(section),
  )
  trained = ALIGNMENT if ALIGNMENT in manifests else "generator"
  return Artefacts(
    directory=directory,
    manifests=manifests,
    catalogue=catalogue,
    semantic_ids=ids,
    vocabulary=vocabulary,
    prompt=PromptConfig(**section["prompt"]),
    model=model,
    params=_params(directory / trained / "checkpoints", model),
    vector_width=vectors.shape[1],
    transitions=_transitions(directory / "generator", section),
  )


def _transitions(
  directory: pathlib.Path, section: dict[str, Any]
) -> Transitions | None:
  """What was counted when the generator was trained."""
  if not section.get("transitions", {}).get("neighbours"):
    return None
  return Transitions.load(directory / TRANSITIONS)


def _network(section: dict[str, Any]):
  """What was trained."""
  match section.get("network", "decoder_only"):
    case "decoder_only":
      return DecoderOnly
    case "encoder_decoder":
      return EncoderDecoder
    case "nci":
      sizes = section["model"] | {"layers": section["adaptor_layers"]}
      adaptor = PrefixAdaptor(
        TransformerConfig(**sizes), PRODUCTS[section["precision"]]
      )
      return functools.partial(EncoderDecoder, adaptor=adaptor)
    case unknown:
      raise ValueError(f"no such network: {unknown!r}")


def _arrangement(section: dict[str, Any]) -> PromptEncoder:
  """How many positions an item of a prompt takes."""
  match section.get("prompt_encoder", "summed"):
    case "summed":
      return SumItems()
    case "tokens":
      return FlattenItems()
    case "merged":
      return MergeItems(PRODUCTS[section["precision"]])
    case unknown:
      raise ValueError(f"no such prompt_encoder of prompts: {unknown!r}")


def _params(directory: pathlib.Path, model: DecoderOnly) -> Any:
  """The parameters of the last checkpoint, checked against the model."""
  # Imported late: reading manifests must not wait for it.
  from orbax.checkpoint import v1 as ocp

  if not directory.is_dir():
    raise FileNotFoundError(f"there is no folder {directory}")
  with ocp.training.Checkpointer(directory.absolute()) as checkpoints:
    last = checkpoints.latest
    if last is None:
      raise ValueError(f"no checkpoint in {directory}")
    kept = checkpoints.checkpointables_metadata(last.step).metadata["state"]
    state = checkpoints.load_checkpointables(last.step, {"state": kept})
  params = state["state"]["params"]
  _check_params(params, model)
  return params


def _check_params(params: Any, model: DecoderOnly) -> None:
  """Shapes that do not fit show at the warm-up; these would not."""
  found = params["params"]["token_embedding"].shape
  wanted = model.prompt_size + sum(model.level_sizes), model.config.width
  if found != wanted:
    raise ValueError(
      f"the checkpoint has embeddings {found}, its configuration {wanted}"
    )
  for path, leaf in jax.tree.leaves_with_path(params):
    if not np.isfinite(leaf).all():
      raise ValueError(f"{jax.tree_util.keystr(path)} holds NaN or infinity")
