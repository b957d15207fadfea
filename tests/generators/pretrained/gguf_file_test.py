import numpy as np
import pytest

from gr_jax.generators.pretrained.gguf_file import GgufFile, halves_apart
from tests.reference.gguf_writer import write_gguf

FIELDS = {
  "general.architecture": "llama",
  "llama.block_count": 30,
  "epsilon": 0.5,
  "tokens": ["a", "bé"],
}


def write(path, tensors, **options):
  return write_gguf(path, FIELDS, tensors, **options)


def half(*values):
  return np.array(values, np.float16).tobytes()


def test_metadata_is_read(tmp_path):
  assert GgufFile(write(tmp_path / "a", [])).metadata == FIELDS


def test_plain_types_are_read_row_by_row(tmp_path):
  values = np.arange(6.0)
  path = write(
    tmp_path / "a",
    [
      ("whole", (3, 2), 0, values.astype(np.float32).tobytes()),
      ("half", (6,), 1, values.astype(np.float16).tobytes()),
    ],
  )
  file = GgufFile(path)
  assert file.shapes == {"whole": (2, 3), "half": (6,)}
  assert file.read("whole").tolist() == [[0, 1, 2], [3, 4, 5]]
  assert file.read("half").tolist() == [0, 1, 2, 3, 4, 5]
  assert file.read("half").dtype == np.float32


def test_blocks_of_eight_bits_are_scaled(tmp_path):
  q = np.random.default_rng(0).integers(-128, 128, (2, 32)).astype(np.int8)
  content = half(0.5) + q[0].tobytes() + half(-2.0) + q[1].tobytes()
  file = GgufFile(write(tmp_path / "a", [("w", (32, 2), 8, content)]))
  expected = q * np.array([[0.5], [-2.0]])
  np.testing.assert_array_equal(file.read("w"), expected)


def test_blocks_of_four_bits_are_scaled_and_moved(tmp_path):
  q = np.random.default_rng(0).integers(0, 16, (2, 32)).astype(np.uint8)
  content = b""
  for row, (d, m) in zip(q, ((0.5, -3.0), (2.0, 1.0))):
    content += half(d, m) + (row[:16] | row[16:] << 4).tobytes()
  file = GgufFile(write(tmp_path / "a", [("w", (64,), 3, content)]))
  expected = np.concatenate((0.5 * q[0] - 3, 2.0 * q[1] + 1))
  np.testing.assert_array_equal(file.read("w"), expected)


def test_other_files_are_refused_in_one_line(tmp_path):
  with pytest.raises(ValueError, match="no GGUF file of version 3"):
    GgufFile(write(tmp_path / "old", [], version=2))
  (tmp_path / "other").write_bytes(b"not at all")
  with pytest.raises(ValueError, match="no GGUF file of version 3"):
    GgufFile(tmp_path / "other")
  with pytest.raises(ValueError, match="w is of type 12; only F32"):
    GgufFile(write(tmp_path / "k", [("w", (32,), 12, b"")]))
  path = write(tmp_path / "a", [("w", (8,), 0, bytes(32))])
  path.write_bytes(path.read_bytes()[:-1])
  with pytest.raises(ValueError, match="is truncated: w ends at byte"):
    GgufFile(path)


def test_pairs_become_halves_head_by_head():
  rows = np.arange(12)[:, None] * np.ones((1, 2))
  found = halves_apart(rows, heads=2)
  expected = [0, 2, 4, 1, 3, 5, 6, 8, 10, 7, 9, 11]
  assert found[:, 0].tolist() == expected
  assert found.shape == rows.shape
