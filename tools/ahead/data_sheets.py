"""What vendors say of their devices: the peaks that no program passes.

TPU: docs.cloud.google.com/tpu/docs/v5e and v6e (v4, v5p likewise): peak
compute, HBM capacity and bandwidth, and of the "bidirectional inter-chip
interconnect bandwidth" the half that goes one way. A float32 product is one
pass of bfloat16 there (JAX's default precision), and there are no units for
8-bit floats.

RTX 5090: NVIDIA RTX Blackwell GPU architecture (whitepaper, appendix A): dense
products that add up in float32; float32 operands as TF32. H100 and H200 (SXM):
their data sheets, halved where they are said to be "with sparsity"; NVLink's
900 GB/s are both ways. Float4 stands for NVFP4, which Hopper lacks.

Caches: 96 MiB (RTX 5090) and 50 MiB (Hopper) of L2. A TPU's compiler says
itself what lies in its fast memory.
"""

import dataclasses
from collections.abc import Mapping

GIB = 1 << 30


@dataclasses.dataclass(frozen=True)
class DataSheet:
  """One device.

  Attributes:
    memory: bytes.
    flops: FLOPs a second of products, by the type of their operands:
      "float32", "bfloat16", "float8", "float4".
    bandwidth: bytes a second between memory and chip.
    link: bytes a second that it sends to its neighbours; 0 = it stands alone.
    cache: bytes of a cache that the compiler does not manage.
  """

  memory: float
  flops: Mapping[str, float]
  bandwidth: float
  link: float = 0.0
  cache: float = 0.0

  @property
  def ridge(self) -> float:
    """FLOPs a byte from which bfloat16 products, not the memory, decide."""
    return self.flops["bfloat16"] / self.bandwidth


def _tpu(gib: float, tera: float, bandwidth: float, link: float) -> DataSheet:
  peaks = dict.fromkeys(("float32", "bfloat16", "float8"), tera * 1e12)
  return DataSheet(gib * GIB, peaks, bandwidth * 1e9, link * 1e9)


def _hopper(memory: float, bandwidth: float) -> DataSheet:
  return DataSheet(
    memory,
    {"float32": 494.7e12, "bfloat16": 989.4e12, "float8": 1978.9e12},
    bandwidth,
    link=450e9,
    cache=50 << 20,
  )


SHEETS = {
  "v4": _tpu(32, 275, 1228, 150),
  "v5e": _tpu(16, 197, 819, 200),
  "v5p": _tpu(95, 459, 2765, 600),
  "v6e": _tpu(32, 918, 1638, 400),
  "rtx5090": DataSheet(
    32 * GIB,
    {
      "float32": 104.8e12,
      "bfloat16": 209.5e12,
      "float8": 419e12,
      "float4": 1676e12,
    },
    1792e9,
    cache=96 << 20,
  ),
  "h100": _hopper(80 * GIB, 3.35e12),
  "h200": _hopper(141e9, 4.8e12),
}
