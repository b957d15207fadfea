import json
import re
import struct

import ml_dtypes
import numpy as np
import pytest
from safetensors.numpy import save_file

from gr_jax.generators.pretrained.safetensors_file import (
  SafetensorsFile,
  find_tensors,
)

BFLOAT16 = ml_dtypes.bfloat16


def every_half(dtype):
  """All 65,536 bit patterns of a type of two bytes, NaNs among them."""
  return np.arange(2**16, dtype=np.uint16).view(dtype).reshape(256, 256)


def joined(file, name, **options):
  blocks = list(file.blocks(name, **options))
  firsts = [first for first, _ in blocks]
  parts = [np.array(block) for _, block in blocks]
  assert firsts == [0, *np.cumsum([len(p) for p in parts])[:-1].tolist()]
  return np.concatenate(parts), len(parts)


@pytest.mark.parametrize("dtype", [np.float16, BFLOAT16])
def test_halves_are_read_bit_for_bit(tmp_path, dtype):
  expected = every_half(dtype)
  save_file({"a": expected}, tmp_path / "a")
  with SafetensorsFile(tmp_path / "a") as file:
    found, _ = joined(file, "a")
  assert found.dtype == dtype
  np.testing.assert_array_equal(found.view(np.uint16), expected.view(np.uint16))


@pytest.mark.parametrize(("size", "blocks"), [(1, 7), (40, 4), (10_000, 1)])
def test_blocks_are_runs_of_whole_rows(tmp_path, size, blocks):
  rng = np.random.default_rng(0)
  tensors = {
    "other": rng.standard_normal(3).astype(np.float32),
    "table": rng.standard_normal((7, 5)).astype(np.float32),
  }
  save_file(tensors, tmp_path / "a")
  with SafetensorsFile(tmp_path / "a") as file:
    assert file.shapes == {"other": (3,), "table": (7, 5)}
    found, count = joined(file, "table", size=size)
    assert joined(file, "other")[0].tolist() == tensors["other"].tolist()
  np.testing.assert_array_equal(found, tensors["table"])
  assert count == blocks


def write(path, header, data=b""):
  text = header if isinstance(header, bytes) else json.dumps(header).encode()
  path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def entry(dtype="F32", shape=(2,), offsets=(0, 8)):
  return {"a": {"dtype": dtype, "shape": shape, "data_offsets": offsets}}


@pytest.mark.parametrize(
  ("header", "data", "message"),
  [
    (entry(), b"1234567", "truncated: a ends at byte 8 of the data.* has 7"),
    (entry(shape=(3,)), b"12345678", r"a \(3,\) needs 12 bytes.* gives it 8"),
    (entry(dtype="I64"), b"12345678", "a is of type I64; only F32, F16, BF16"),
    (b"{no", b"", "no header in JSON"),
  ],
)
def test_a_damaged_file_is_refused_in_one_line(tmp_path, header, data, message):
  path = tmp_path / "model"
  write(path, header, data)
  with pytest.raises(ValueError, match=message) as error:
    SafetensorsFile(path)
  assert str(path) in str(error.value)
  assert "\n" not in str(error.value)


@pytest.mark.parametrize("size", [4, 20])
def test_a_file_that_ends_in_its_header_is_truncated(tmp_path, size):
  save_file({"a": np.ones(3, np.float32)}, tmp_path / "a")
  content = (tmp_path / "a").read_bytes()[:size]
  (tmp_path / "a").write_bytes(content)
  with pytest.raises(ValueError, match="truncated"):
    SafetensorsFile(tmp_path / "a")


def test_tensors_are_found_in_one_file_or_by_the_index(tmp_path):
  one = {"a": np.ones(1, np.float32), "b": np.ones(2, np.float32)}
  single = tmp_path / "model.safetensors"
  save_file(one, single)
  assert find_tensors(tmp_path) == {"a": single, "b": single}
  for name in "ab":
    save_file({name: one[name]}, tmp_path / name)
  index = tmp_path / "model.safetensors.index.json"
  index.write_text(json.dumps({"weight_map": {"a": "a", "b": "b"}}))
  assert find_tensors(tmp_path) == {"a": tmp_path / "a", "b": tmp_path / "b"}
  index.write_text(json.dumps({"weight_map": {"a": "a", "b": "a"}}))
  with pytest.raises(ValueError, match="a lacks b, which"):
    find_tensors(tmp_path)
  index.write_text(json.dumps({"weight_map": {"a": "a", "b": "c"}}))
  with pytest.raises(FileNotFoundError, match="lacks c, which"):
    find_tensors(tmp_path)


def test_a_folder_without_weights_says_what_it_lacks(tmp_path):
  expected = re.escape("has neither model.safetensors nor model.safetensors.")
  with pytest.raises(FileNotFoundError, match=expected):
    find_tensors(tmp_path)
