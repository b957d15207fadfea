"""Arrays in IDX files."""

import gzip

import numpy as np
import pytest

from gr_jax.data.pictures.idx import read_idx

ARRAY = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
CONTENT = b"\x00\x00\x08\x03" + np.array([2, 3, 4], ">u4").tobytes()
CONTENT += ARRAY.tobytes()


def test_plain_and_gzipped_files_hold_the_array(tmp_path):
  for name, content in (
    ("a", CONTENT),
    ("a.gz", gzip.compress(CONTENT, mtime=0)),
  ):
    (tmp_path / name).write_bytes(content)
    np.testing.assert_array_equal(read_idx(tmp_path / name), ARRAY)


@pytest.mark.parametrize(
  ("name", "content", "message"),
  [
    ("a", CONTENT[:-1], "not those of an array of \\[2, 3, 4\\]"),
    ("a", CONTENT[:9], "not those of an array of"),
    ("a", b"\x00\x00\x0d" + CONTENT[3:], "no IDX file"),
    ("a", b"", "no IDX file"),
    ("a.gz", gzip.compress(CONTENT, mtime=0)[:-9], "is damaged"),
    ("a.gz", CONTENT, "is damaged"),
  ],
)
def test_a_damaged_file_is_named(tmp_path, name, content, message):
  (tmp_path / name).write_bytes(content)
  with pytest.raises(ValueError, match=message):
    read_idx(tmp_path / name)
