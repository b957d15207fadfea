"""The encoding of a file is read in it, or said."""

from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gr_jax.data.imports.checked_table import BAD_ENCODING
from gr_jax.data.imports.decode import decode
from tests.data.imports.packed_bytes import packed_bytes

TEXT = "id,name\n1,Amélie\n2,Café Müller\n3,plain\n"


class Found(NamedTuple):
  lines: list[str]
  bad: dict[int, str]
  note: str


def _found(raw: bytes, **options) -> Found:
  text = decode(packed_bytes(raw), **options)
  return Found(*text.whole(), text.note)


@pytest.mark.parametrize(
  ("encoding", "note"),
  [
    ("utf-8", ""),
    ("utf-8-sig", ""),
    ("utf-16", "UTF-16"),
    ("utf-16-le", "UTF-16-LE, a guess"),
    ("utf-16-be", "UTF-16-BE, a guess"),
    ("utf-32", "UTF-32"),
    ("cp1252", "cp1252 (Latin-1), a guess: 2 lines, the first is 2: '1,Am"),
    ("latin-1", "--encoding=NAME"),
  ],
)
def test_every_encoding_of_a_text_gives_its_lines(encoding, note):
  found = _found(TEXT.encode(encoding), encoding="", file="t.csv")
  assert found.lines == TEXT.splitlines(keepends=True)
  assert found.bad == {}
  assert note in found.note
  assert bool(note) == bool(found.note)


@given(
  st.text(st.characters(exclude_categories=("Cs", "Cc"))),
  st.sampled_from(["utf-8", "utf-16", "gb18030", "utf-32"]),
)
def test_what_is_written_in_a_named_encoding_is_read(text, encoding):
  raw = f"{text}\nend".encode(encoding)
  found = _found(raw, encoding=encoding, file="t.csv")
  if "\ufffd" not in text and text[:1] != "\ufeff":
    assert "".join(found.lines) == f"{text}\nend"
    assert found.bad == {}


def test_damage_in_utf8_costs_its_line():
  raw = TEXT.encode() + b"4,\xff\n5,\xfe\n6,x\n"
  found = _found(raw, encoding="", file="t.csv")
  assert found.bad == {4: BAD_ENCODING, 5: BAD_ENCODING}
  assert found.lines[4] == "4,\\xff\n"


@pytest.mark.parametrize("encoding", ["cp1251", "gb18030", "shift_jis"])
def test_other_scripts_are_not_guessed_but_read_when_named(encoding):
  text = (
    "id,name\n1,красный\n2,синий\n"
    if encoding == "cp1251"
    else ("id,name\n1,日本語\n2,中文\n")
  )
  raw = text.encode(encoding)
  assert _found(raw, encoding="", file="t").bad.keys() == {1, 2}
  named = _found(raw, encoding=encoding, file="t")
  assert "".join(named.lines) == text


def test_lines_may_end_as_on_an_old_mac():
  found = _found(b"a,b\r1,2\r", encoding="", file="t.csv")
  assert found.lines == ["a,b\n", "1,2\n"]


def test_a_zero_byte_costs_its_line():
  raw = b"a,b\n1,\0\n" + b"2,3\n" * 9
  assert _found(raw, encoding="", file="t").bad == {
    1: "malformed row: a NUL byte"
  }


@pytest.mark.parametrize("name", ["klingon", "base64", "rot13", "a\0b", ""])
def test_an_encoding_that_is_none_is_one_line(name):
  if name:
    with pytest.raises(ValueError, match="no such encoding of text"):
      _found(b"a", encoding=name, file="t.csv")
