"""The sizes of a pretrained decoder, as a Hugging Face `config.json` says them.

Read are the model types "qwen2" (Qwen2.5) and "llama" (Llama 3, SmolLM2), with
plain or "llama3" rotary angles, in the form with `rope_theta` and
`rope_scaling` and in the newer one with `rope_parameters`. What would compute
something else than `nn.transformer` does is refused.
"""

import dataclasses
import json
import pathlib
from collections.abc import Mapping
from typing import Any

from gr_jax.choices import choose
from gr_jax.nn.rotary import RopeScaling
from gr_jax.nn.transformer import TransformerConfig

_ARCHITECTURES = {"qwen2": "Qwen2ForCausalLM", "llama": "LlamaForCausalLM"}


@dataclasses.dataclass(frozen=True)
class Arrangement:
  """Sizes of a causal language model.

  Attributes:
    model_type: "qwen2", with biases on q, k and v, or "llama", without.
    vocab_size: rows `V` of the embedding, which may be more than there are
      tokens.
    layers: the number of blocks.
    width: `D`.
    heads: query heads `H`.
    kv_heads: key and value heads `K`.
    head_size: `h`.
    feed_forward: `F`.
    max_positions: tokens of the longest text.
    rope_theta: base of the rotary wavelengths.
    rope_scaling: a change of the wavelengths; None without.
    norm_epsilon: `ε` of every norm.
    tied: the embedding scores as well; without, a head of its own does.
  """

  model_type: str
  vocab_size: int
  layers: int
  width: int
  heads: int
  kv_heads: int
  head_size: int
  feed_forward: int
  max_positions: int
  rope_theta: float = 10_000.0
  rope_scaling: RopeScaling | None = None
  norm_epsilon: float = 1e-6
  tied: bool = False

  def __post_init__(self):
    choose("model_type", self.model_type, _ARCHITECTURES)

  @property
  def qkv_bias(self) -> bool:
    """Whether q, k and v have biases."""
    return self.model_type == "qwen2"

  def transformer(self, **options) -> TransformerConfig:
    """The sizes of the blocks.

    Args:
      **options: what no file says: `remat`, `unroll`, `dropout`, `lora`.
    """
    return TransformerConfig(
      layers=self.layers,
      width=self.width,
      heads=self.heads,
      kv_heads=self.kv_heads,
      head_size=self.head_size,
      feed_forward=self.feed_forward,
      rope_theta=self.rope_theta,
      qkv_bias=self.qkv_bias,
      norm_epsilon=self.norm_epsilon,
      rope_scaling=self.rope_scaling,
      **options,
    )


# Ours and the file's.
_SIZES = {
  "vocab_size": "vocab_size",
  "layers": "num_hidden_layers",
  "width": "hidden_size",
  "heads": "num_attention_heads",
  "feed_forward": "intermediate_size",
  "max_positions": "max_position_embeddings",
}
# Fields that change what is computed, and their one value that is known here.
_ONLY = {
  "hidden_act": "silu",
  "attention_bias": False,
  "mlp_bias": False,
  "use_sliding_window": False,
}


def read_arrangement(folder: pathlib.Path | str) -> Arrangement:
  """Reads `config.json` of a folder.

  Raises:
    FileNotFoundError: there is none.
    ValueError: see `parse_arrangement`.
  """
  return parse_arrangement(
    json.loads((pathlib.Path(folder) / "config.json").read_text())
  )


def parse_arrangement(config: Mapping[str, Any]) -> Arrangement:
  """The arrangement that a `config.json` says.

  Raises:
    ValueError: the model type or a field is not supported, or a size is absent.
  """
  model_type = config.get("model_type", "")
  choose("model_type of config.json", model_type, _ARCHITECTURES)
  for name, known in _ONLY.items():
    _refuse(name, config.get(name, known), known)
  for kind in config.get("layer_types") or ():
    _refuse("layer_types", kind, "full_attention")
  sizes = {ours: _size(config, theirs) for ours, theirs in _SIZES.items()}
  # Llama's first configs have as many key heads as heads, and do not say so.
  if model_type == "llama" and config.get("num_key_value_heads") is None:
    kv_heads = sizes["heads"]
  else:
    kv_heads = _size(config, "num_key_value_heads")
  theta, scaling = _rope(config)
  return Arrangement(
    model_type=model_type,
    kv_heads=kv_heads,
    head_size=config.get("head_dim") or sizes["width"] // sizes["heads"],
    rope_theta=theta,
    rope_scaling=scaling,
    norm_epsilon=config.get("rms_norm_eps", 1e-6),
    tied=config.get("tie_word_embeddings", False),
    **sizes,
  )


def write_config(arrangement: Arrangement) -> dict[str, Any]:
  """The fields of `config.json`, rotary angles in both forms."""
  a = arrangement
  scaling = a.rope_scaling and {
    "rope_type": "llama3",
    **dataclasses.asdict(a.rope_scaling),
  }
  plain = {"rope_type": "default"}
  return {
    "architectures": [_ARCHITECTURES[a.model_type]],
    "model_type": a.model_type,
    **{theirs: getattr(a, ours) for ours, theirs in _SIZES.items()},
    "num_key_value_heads": a.kv_heads,
    "head_dim": a.head_size,
    "hidden_act": "silu",
    "rms_norm_eps": a.norm_epsilon,
    "tie_word_embeddings": a.tied,
    "rope_theta": a.rope_theta,
    "rope_scaling": scaling,
    "rope_parameters": (scaling or plain) | {"rope_theta": a.rope_theta},
  }


def _refuse(name: str, value: Any, known: Any) -> None:
  if value != known:
    raise ValueError(
      f"config.json has {name} = {value!r}; only {known!r} is supported."
    )


def _size(config: Mapping[str, Any], name: str) -> int:
  if not isinstance(config.get(name), int):
    raise ValueError(
      f"config.json needs a whole number for {name}; it has "
      f"{config.get(name)!r}."
    )
  return config[name]


def _rope(config: Mapping[str, Any]) -> tuple[float, RopeScaling | None]:
  """Base and scaling of the rotary angles, from either form."""
  newer = config.get("rope_parameters") or {}
  found = config.get("rope_scaling") or newer
  theta = newer.get("rope_theta", config.get("rope_theta", 10_000.0))
  kind = found.get("rope_type", found.get("type", "default"))
  if kind == "default":
    return theta, None
  if kind != "llama3":
    raise ValueError(
      f"config.json has rotary angles of type {kind!r}; only 'default' and "
      "'llama3' are supported."
    )
  names = [field.name for field in dataclasses.fields(RopeScaling)]
  absent = [name for name in names if name not in found]
  if absent:
    raise ValueError(
      f"config.json has rotary angles of type 'llama3' without {absent[0]}."
    )
  return theta, RopeScaling(**{name: found[name] for name in names})
