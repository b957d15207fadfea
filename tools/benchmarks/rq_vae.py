"""RQ-VAE training steps, TIGER's sizes: the library's own side."""

import dataclasses
import functools

import jax
import jax.numpy as jnp

from gr_jax.nn.precision import dot_general
from gr_jax.tokenizers import rq_vae, rq_vae_training
from gr_jax.training import scan_fit
from tools.benchmarks.contender import DTYPES, Bar, Contender, Run, Section
from tools.benchmarks.products import BARS, make_run
from tools.benchmarks.vectors import clustered_vectors

SIZES = {
  "rows": 16_384,
  "features": 768,
  "hidden": (512, 256, 128),
  "latent": 32,
  "codes": (256, 256, 256),
}


def section(
  *, batches: tuple[int, ...] = (1024, 2048), units: int = 20, sizes=SIZES
) -> Section:
  """Ours, LC-Rec's arrangement in torch and our products, in both types."""
  contenders = tuple(
    Contender(
      name,
      f"tools.benchmarks.{make}",
      sizes | {"batch": batch, "dtype": dtype},
      units=units,
      items=batch,
      needs=needs,
    )
    for batch in batches
    for name, make, needs in (
      ("gr_jax", "rq_vae:make", ()),
      ("torch", "rq_vae_torch:make", ("torch",)),
      ("products alone", "rq_vae:make_products", ()),
    )
    for dtype in DTYPES
  )
  bars = (
    Bar("gr_jax bfloat16 1024", "torch float32 1024", 2.5),
    Bar("gr_jax bfloat16 1024", "torch bfloat16 1024", 1.5),
    Bar("gr_jax bfloat16 2048", "torch bfloat16 2048", 1.1),
    *(
      dataclasses.replace(bar, ours=f"{bar.ours} 1024", peer=f"{bar.peer} 1024")
      for bar in BARS
    ),
  )
  title = "RQ-VAE training step (768-512-256-128-32, 3 x 256 codes)"
  return Section("rq_vae", title, "step", "items", contenders, bars)


def _start(batch, dtype, rows, features, hidden, latent, codes):
  """A configuration, vectors `[rows, features]` and the state at step 0."""
  config = rq_vae.RqVaeConfig(
    hidden=hidden,
    latent=latent,
    levels=codes,
    batch_size=batch,
    dot_general=dot_general(dtype),
  )
  vectors = jnp.asarray(clustered_vectors(rows, features))
  model = rq_vae.build_model(config, features=features)
  params = rq_vae.init_params(model, jax.random.key(0))
  latents = rq_vae.latent_vectors(params, vectors, config=config)
  codebooks = tuple(latents[:size] / 2**l for l, size in enumerate(codes))
  state = rq_vae_training.init_state(params, codebooks, config=config)
  return config, vectors, state


def make(*, units, batch, dtype, rows, **sizes) -> Run:
  """Does `units` steps in one dispatch of `scan_fit.fit`, as the fit does."""
  config, vectors, state = _start(batch, dtype, rows, **sizes)

  def step(state, vectors, key):
    rows_key, step_key = jax.random.split(key)
    chosen = jax.random.randint(rows_key, (batch,), 0, rows)
    return rq_vae_training.train_step(
      state, vectors[chosen], step_key, config=config
    )

  def run():
    nonlocal state
    state, history = scan_fit.fit(
      state, vectors, jax.random.key(1), step=step, steps=units
    )
    return {"loss": history[-1]["loss"]}

  return run


def make_products(*, units, batch, dtype, rows, **sizes) -> Run:
  """The products of the same steps."""
  config, vectors, state = _start(batch, dtype, rows, **sizes)
  step = functools.partial(rq_vae_training.train_step, config=config)
  return make_run(units, step, state, vectors[:batch], jax.random.key(1))
