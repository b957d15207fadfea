"""Reading a prompt with merged tokens, and with one position per code."""

import jax

from gr_jax.generators.prompts.prompt_encoder import FlattenItems, MergeItems
from gr_jax.nn.precision import dot_general
from tools.benchmarks.contender import DTYPES, Bar, Contender, Run, Section
from tools.benchmarks.generator import Sizes, init_params

SIZES = Sizes(4000, batch=8)


def section(*, units: int = 5, sizes: Sizes = SIZES) -> Section:
  """GenRec's claim: half the positions, x0.6 of the time or better."""
  contenders = tuple(
    Contender(
      name,
      "tools.benchmarks.token_merger:make",
      {"sizes": sizes, "dtype": dtype, "merged": name == "merged"},
      units=units,
      items=sizes.batch,
    )
    for dtype in DTYPES
    for name in ("merged", "tokens")
  )
  bars = tuple(Bar(f"merged {x}", f"tokens {x}", 1 / 0.6) for x in DTYPES)
  title = (
    f"prefill of {sizes.history} items, {len(sizes.level_sizes)} codes each, "
    f"{sizes.title}"
  )
  return Section("token_merger", title, "batch", "prompts", contenders, bars)


def make(*, units: int, sizes: Sizes, dtype: str, merged: bool) -> Run:
  encoder = MergeItems(dot_general(dtype)) if merged else FlattenItems()
  model = sizes.model(dtype, prompt_encoder=encoder)
  prompts = sizes.prompts()
  params = init_params(model, *prompts)
  prefill = jax.jit(model.prefill)
  levels = len(sizes.level_sizes)
  positions = encoder.length(items=sizes.history, levels=levels)

  def run():
    for _ in range(units):
      jax.block_until_ready(prefill(params, prompts))
    return {"positions": positions}

  return run
