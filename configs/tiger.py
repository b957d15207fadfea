"""TIGER (Rajput et al. 2023, arXiv 2305.05065): RQ-VAE and a T5.

  python -m gr_jax.main --config=configs/tiger.py

What the paper says: item vectors of text go through an RQ-VAE (layers of 512,
256 and 128, latents of 32, three codebooks of 256, beta 0.25); a fourth code
numbers items whose three are equal. A T5 with 4 layers each of encoder and
decoder, 6 heads of 64, width 128, feed-forward layers of 1024 reads the codes
of the last 20 items and one of 2,000 hashed user tokens, and writes the codes
of the next item; batches of 256, 200,000 steps, a rate of 0.01 for the first
10,000 and then its inverse square root. The preset `paper` has these sizes.

[OURS]: vectors hold purchases beside texts
(`--config.vectors.copurchase_weight=0` for texts alone). An item of the
history is one position, the sum of its codes, of how long ago it was bought and
how often; `--config.generator.prompt_encoder=flatten_items` gives every code a
position, as in the paper. The query, where there is one, is read too. Searches
stay inside the catalogue; the paper's may not, which is reported as
hallucination. A row of a batch is one prompt with up to 8 targets.

What is left out or differs: dropout; SwiGLU instead of ReLU; AdamW with a
warm-up and a cosine (there is no inverse square root), for which 0.01 is too
much: 0.001. The network is given no counts. `configs/amazon_beauty.py` is the
data of the paper. Presets as in `cq_sid`.
"""

from configs import rq_vae


def get_config(preset: str = ""):
  config = rq_vae.get_config(preset)
  config.name = "tiger"
  generator = config.generator
  generator.network = "encoder_decoder"
  generator.prompt_encoder = "sum_items"
  generator.count_alpha = 0.0
  generator.prompt.user_buckets = 2000
  if preset == "":
    generator.model.update(
      layers=2, width=128, heads=4, kv_heads=4, head_size=32, feed_forward=512
    )
  if preset == "tiny":
    generator.model.kv_heads = generator.model.heads
    generator.prompt.user_buckets = 100
  if preset == "paper":
    generator.model.update(
      layers=4,
      width=128,
      heads=6,
      kv_heads=6,
      head_size=64,
      feed_forward=1024,
      remat="none",
    )
    generator.prompt.history = 20
    generator.examples.update(batch_size=256, hidden_share=0.0)
    generator.optimizer.learning_rate = 1e-3
    generator.loop.update(steps=200_000, log_every=100, checkpoint_every=5000)
  return config
