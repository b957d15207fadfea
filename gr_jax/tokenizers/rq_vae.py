"""RQ-VAE: an autoencoder whose latent is quantized level by level.

TIGER (arXiv 2305.05065), section 3.1:

    z = Enc(x);  (k_l, r_l, e_l) = residual quantization of z;  z^ = sum_l e_l
    x^ = Dec(z + sg[z^ - z])
    L = ||x - x^||^2 + beta sum_l ||r_l - sg[e_l]||^2   (mean over the batch)

Trained in `rq_vae_training.py`; the codebooks' own term is in `codebooks.py`.
Left out: LC-Rec's batch norm and dropout, off in its published runs.
"""

import dataclasses
import functools
import pathlib
from collections.abc import Callable, Mapping
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from gr_jax.clustering.nearest import nearest_code
from gr_jax.nn import dot, map_rows
from gr_jax.nn.precision import dot_general
from gr_jax.tokenizers import codebooks as codebook_rules
from gr_jax.tokenizers import quantizers, tokenizer
from gr_jax.training import scan_fit

Params = Any


class Mlp(nn.Module):
  """Dense layers with ReLU between them: `[B, D]` to `[B, widths[-1]]`."""

  widths: tuple[int, ...]
  dot_general: Callable[..., jax.Array] = dot.bf16_dot_general

  @nn.compact
  def __call__(self, x: jax.Array) -> jax.Array:
    for width in self.widths[:-1]:
      x = nn.relu(nn.Dense(width, dot_general=self.dot_general)(x))
    return nn.Dense(self.widths[-1], dot_general=self.dot_general)(x)


class Autoencoder(nn.Module):
  """`x [B, D] -> z [B, latent] -> x^ [B, D]`; the decoder mirrors the encoder.

  Attributes:
    features: D.
    hidden: widths from the input towards the latent.
    latent: width of z.
    dot_general: the product of every layer.
  """

  features: int
  hidden: tuple[int, ...]
  latent: int
  dot_general: Callable[..., jax.Array] = dot.bf16_dot_general

  def setup(self):
    self.encoder = Mlp((*self.hidden, self.latent), self.dot_general)
    self.decoder = Mlp((*self.hidden[::-1], self.features), self.dot_general)

  def encode(self, x: jax.Array) -> jax.Array:
    return self.encoder(x)

  def decode(self, z: jax.Array) -> jax.Array:
    return self.decoder(z)

  def __call__(self, x: jax.Array) -> jax.Array:
    return self.decode(self.encode(x))


def init_params(model: Autoencoder, key: jax.Array) -> Params:
  """Parameters `{"encoder": ..., "decoder": ...}`, made in one jitted call."""
  row = jnp.zeros((1, model.features))
  return jax.jit(model.init)(key, row)["params"]


@dataclasses.dataclass(frozen=True)
class RqVaeConfig:
  """TIGER's sizes by default.

  Attributes:
    hidden, latent: encoder widths; the decoder mirrors them.
    levels: codes per level, `C_l`.
    beta: weight of the commitment loss.
    codebook: the rule that moves the codebooks.
    assign_last: chooses codes of the last level in training: the nearest, or
      `sinkhorn.SinkhornCode()` for LC-Rec's balanced last level.
    learning_rate, weight_decay: AdamW, cosine decay to zero over `steps`.
    batch_size, steps: Size and number of batches; rows are drawn with
      replacement.
    init_rows, init_iterations: k-means start of the codebooks.
    dot_general: product of the dense layers.
  """

  hidden: tuple[int, ...] = (512, 256, 128)
  latent: int = 32
  levels: tuple[int, ...] = (256, 256, 256)
  beta: float = 0.25
  codebook: codebook_rules.CodebookRule = dataclasses.field(
    default_factory=codebook_rules.GradientCodebook
  )
  assign_last: quantizers.Assign = nearest_code
  learning_rate: float = 1e-3
  weight_decay: float = 1e-4
  batch_size: int = 1024
  steps: int = 4_000
  init_rows: int = 16_384
  init_iterations: int = 10
  dot_general: Callable[..., jax.Array] = dot.bf16_dot_general


def vae_config(
  section: Mapping[str, Any],
  *,
  codebook: codebook_rules.CodebookRule,
  **changes: Any,
) -> RqVaeConfig:
  """The autoencoder of a section with `vae` and `precision`.

  Raises:
    ValueError: An unknown precision.
  """
  sizes = {**section["vae"]}
  for name in ("hidden", "levels"):  # JSON has no tuples.
    sizes[name] = tuple(sizes[name])
  return RqVaeConfig(
    **sizes | changes,
    codebook=codebook,
    dot_general=dot_general(section["precision"]),
  )


def build_model(config: RqVaeConfig, *, features: int) -> Autoencoder:
  """The autoencoder of a config for vectors `[N, features]`."""
  return Autoencoder(features, config.hidden, config.latent, config.dot_general)


@functools.partial(jax.jit, static_argnames="config")
def latent_vectors(
  params: Params, vectors: jax.Array, *, config: RqVaeConfig
) -> jax.Array:
  """`Enc(x)` `[N, latent]`, in slices that stay in cache."""
  model = build_model(config, features=vectors.shape[1])

  def encode(x):
    return nn.apply(Autoencoder.encode, model)({"params": params}, x)

  return map_rows.map_rows(encode, vectors)


@functools.partial(jax.jit, static_argnames="config")
def _decode(params, codebooks, codes, *, config):
  features = params["encoder"]["Dense_0"]["kernel"].shape[0]
  model = build_model(config, features=features)

  def decode(codes):
    latents = quantizers.sum_codes(codes, codebooks)
    return nn.apply(Autoencoder.decode, model)({"params": params}, latents)

  return map_rows.map_rows(decode, codes)


_quantize = jax.jit(quantizers.residual_quantize)


@dataclasses.dataclass(frozen=True, eq=False)
class RqVae:
  """A fitted RQ-VAE; see `Tokenizer`.

  Attributes:
    config: Sizes and product; what else it holds is for training.
    params: Parameters of the autoencoder.
    codebooks: Per level `[C_l, latent]`.
  """

  config: RqVaeConfig
  params: Params
  codebooks: codebook_rules.Codebooks

  @property
  def level_sizes(self) -> tuple[int, ...]:
    return tuple(len(book) for book in self.codebooks)

  def latents(self, vectors: np.ndarray | jax.Array) -> jax.Array:
    """`Enc(x)` `[n, latent]` of vectors `[n, D]`.

    Raises:
      ValueError: Vectors that are empty, not 2-D or not finite.
    """
    scan_fit.check_vectors(vectors, name="vectors")
    vectors = jnp.asarray(vectors, jnp.float32)
    return latent_vectors(self.params, vectors, config=self.config)

  def reconstruct(self, codes: np.ndarray | jax.Array) -> jax.Array:
    """`Dec(sum_l e_{k_l})` `[n, D]` of codes `[n, L]`."""
    return _decode(self.params, self.codebooks, codes, config=self.config)

  def encode(
    self, vectors: np.ndarray | jax.Array, categories: np.ndarray | None = None
  ) -> np.ndarray:
    """The nearest codes `[n, L]` at every level."""
    del categories
    return np.asarray(_quantize(self.latents(vectors), self.codebooks).codes)

  def save(self, directory: pathlib.Path) -> None:
    state = {"params": self.params, "codebooks": self.codebooks}
    tokenizer.save_arrays(directory, state)

  @classmethod
  def load(cls, directory: pathlib.Path, section: Mapping[str, Any]) -> "RqVae":
    return cls(cls.settings(section), **tokenizer.load_arrays(directory))

  @staticmethod
  def settings(section: Mapping[str, Any]) -> RqVaeConfig:
    return vae_config(section, codebook=codebook_rules.GradientCodebook())


def fit_result(
  fitted: tokenizer.Tokenizer,
  vae: RqVae,
  codes: np.ndarray,
  vectors: np.ndarray,
  history: list[dict[str, float]],
) -> tokenizer.FitResult:
  """The result of a fit with an autoencoder on items `[N, D]`."""
  return tokenizer.FitResult(
    fitted,
    codes,
    latents=np.asarray(vae.latents(vectors)),
    codebooks=vae.codebooks,
    restored=np.asarray(vae.reconstruct(codes)),
    history=history,
  )
