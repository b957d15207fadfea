"""How fast a generator is trained, in numbers that a user compares."""

from collections.abc import Callable
from typing import Any

from jax.sharding import Mesh

from experiments.pipeline.task import Task
from gr_jax.generators.decoder_only import DecoderOnly
from gr_jax.generators.prompts.writer import PromptConfig
from gr_jax.training.throughput import dense_flops, matmul_peak


def speed_of(
  params: Any,
  model: DecoderOnly,
  task: Task,
  prompt: PromptConfig,
  *,
  mesh: Mesh,
) -> Callable[[float], dict[str, float]]:
  """From seconds per step to examples, tokens and share of the matmul peak."""
  length = model.prompt_encoder.length(
    items=prompt.history, levels=len(model.level_sizes)
  )
  positions = task.prompts * (length + task.positions)
  devices = mesh.devices.size
  peak = matmul_peak(
    positions // devices,
    model.config.width,
    model.config.feed_forward,
    dot_general=model.dot_general,
  )
  flops = dense_flops(params, positions)

  def speed(seconds: float) -> dict[str, float]:
    return {
      "train/examples_per_second": task.targets / seconds,
      "train/tokens_per_second": positions / seconds,
      "train/share_of_matmul_peak": flops / seconds / (peak * devices),
    }

  return speed
