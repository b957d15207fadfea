"""What is read in blocks is what is read as a whole, line by line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gr_jax.data.imports import delimited, unpack
from gr_jax.data.imports.decode import decode
from gr_jax.data.imports.delimited import read_csv
from gr_jax.data.imports.plain_fields import plain_fields
from tests.data.imports.packed_bytes import packed_bytes

CELLS = st.sampled_from(
  ["1", "", " x ", "é", '"', '"a"', '"a\nb"', '\\"', "\r", "\0", "\ufeff", ","]
)
FILES = st.builds(
  lambda mark, rows, end, broken: (
    mark.join(["a", "b", "c"]).encode()
    + end.encode()
    + end.join(mark.join(row) for row in rows).encode()
    + broken
  ),
  st.sampled_from([",", "\t", "::"]),
  st.lists(st.lists(CELLS, min_size=2, max_size=4), max_size=8),
  st.sampled_from(["\n", "\r\n", "\r"]),
  st.sampled_from([b"", b"\n", b"\n\xff,1,\xe9\n", b"\n\n\n1,\xe9,2"]),
)


def _read(raw: bytes, monkeypatch, block: int, *, fast: bool):
  monkeypatch.setattr(unpack, "_BLOCK", block)
  found = plain_fields if fast else lambda block, **form: None
  monkeypatch.setattr(delimited, "plain_fields", found)
  text = decode(packed_bytes(raw), encoding="", file="t")
  try:
    table = read_csv(text, wanted=None, file="t")
  except ValueError as error:
    return str(error)
  return table.frame.rows(), table.rejects.rows(), table.notes, text.note


@given(raw=FILES)
def test_blocks_of_any_size_and_fast_fields_change_nothing(raw):
  with pytest.MonkeyPatch.context() as patch:
    whole = _read(raw, patch, 1 << 20, fast=False)
    for block in (1, 2, 7, 1 << 20):
      assert _read(raw, patch, block, fast=True) == whole


def _fields(block: bytes, delimiter=",", marks='"'):
  found = plain_fields(
    block, delimiter=delimiter, width=2, places=[0, 1], marks=marks
  )
  return None if found is None else found.rows()


def test_a_block_with_nothing_odd_is_split():
  assert _fields(b"1,x\r\n\xc3\xa9,") == [("1", "x"), ("é", None)]
  assert _fields(b'"::b\n', "::", "") == [('"', "b")]


@pytest.mark.parametrize(
  "block",
  [b"1\n2,3,4\n", b"1,2\n\n3,4", b'1,"2"\n', b"1,\xff", b"\0,1", b"1,\r2\n",
   b"\xef\xbb\xbf1,2"],
)  # fmt: skip
def test_a_block_with_an_odd_line_is_not(block):
  assert _fields(block) is None
