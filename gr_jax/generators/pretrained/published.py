"""The sizes of published decoders, for programs that are compiled without them.

From the `config.json` of each model; the weights are not here.
"""

from gr_jax.generators.pretrained.arrangement import Arrangement


def _qwen2_5(
  width: int, layers: int, heads: int, kv_heads: int, feed_forward: int, **more
) -> Arrangement:
  """Qwen2.5 (arXiv 2412.15115, table 1)."""
  return Arrangement(
    "qwen2",
    layers=layers,
    width=width,
    heads=heads,
    kv_heads=kv_heads,
    head_size=width // heads,
    feed_forward=feed_forward,
    rope_theta=1_000_000.0,
    **{"vocab_size": 151_936, "max_positions": 32_768, "tied": True} | more,
  )


PUBLISHED = {
  "SmolLM2-135M": Arrangement(
    "llama",
    vocab_size=49_152,
    layers=30,
    width=576,
    heads=9,
    kv_heads=3,
    head_size=64,
    feed_forward=1536,
    max_positions=8192,
    rope_theta=100_000.0,
    norm_epsilon=1e-5,
    tied=True,
  ),
  "Qwen2.5-0.5B": _qwen2_5(896, 24, 14, 2, 4864),
  "Qwen2.5-1.5B": _qwen2_5(1536, 28, 12, 2, 8960, max_positions=131_072),
  "Qwen2.5-3B": _qwen2_5(2048, 36, 16, 2, 11_008),
  "Qwen2.5-7B": _qwen2_5(
    3584,
    28,
    28,
    4,
    18_944,
    vocab_size=152_064,
    max_positions=131_072,
    tied=False,
  ),
}
