"""A line fits at one place of one log."""

import json
import zlib

import pytest

from gr_jax.serving.catalogue.log_lines import (
  Damaged,
  Header,
  LogReader,
  Place,
  started,
)

TEXTS = [b'{"n":%d}' % n for n in range(5)]


def written(identity: str, **header) -> tuple[list[bytes], Place]:
  first, place = started(Header(identity, **header))
  data, place = place.after(TEXTS)
  return (first + data).splitlines(keepends=True), place


@pytest.fixture
def reader(tmp_path):
  def reader(lines: list[bytes], *watched: int) -> LogReader:
    path = tmp_path / "log"
    path.write_bytes(b"".join(lines))
    return LogReader(path, watched)

  return reader


def test_what_was_written_is_read_to_the_same_place(reader):
  lines, place = written("a", base=10, state=2)
  found = reader(lines, place.size, 7)
  assert list(found) == [{"n": n} for n in range(5)]
  assert found.place == place
  assert place.number == 10 + 3
  assert found.checksums == {place.size: place.checksum}
  assert found.state_size == sum(map(len, lines[:3]))


def test_a_price_of_nought_was_an_unknown_one_before(reader):
  text = (
    b'{"mark":"m","add":[{"item_id":"a","text":"b","price":0.0}],'
    b'"prices":{"c":0,"d":2}}'
  )
  (found,) = reader([b"%08x %s\n" % (zlib.crc32(text), text)])
  assert "price" not in found["add"][0]
  assert found["prices"] == {"c": None, "d": 2}
  first, place = started(Header("a"))
  (kept,) = reader([first, place.after([text])[0]])
  assert kept == json.loads(text)


def test_lines_that_are_written_one_by_one_are_those_of_one_write():
  place = once = started(Header("a"))[1]
  data = b""
  for text in TEXTS:
    line, place = place.after([text])
    data += line
  assert once.after(TEXTS) == (data, place)


def test_a_line_of_another_log_breaks_the_chain(reader):
  lines, _ = written("a")
  lines[3] = written("b")[0][3]
  with pytest.raises(
    Damaged, match=r"line 4 of .* does not match its checksum"
  ):
    list(reader(lines))


def test_a_line_whose_number_was_edited_is_damaged_not_missing(reader):
  lines, _ = written("a")
  lines[5] = lines[5].replace(b" 5 ", b" 6 ")
  with pytest.raises(Damaged) as error:
    list(reader(lines))
  assert (error.value.kind, error.value.line) == ("edited", 6)


def test_all_before_the_damage_is_read_and_its_place_is_known(reader):
  lines, _ = written("a")
  damaged = reader([*lines[:3], lines[4]])
  found = []
  with pytest.raises(
    Damaged, match=r"line 4 .* follows a line that is missing"
  ):
    found.extend(damaged)
  assert damaged.place.size == sum(map(len, lines[:3]))
  assert damaged.place.lines == 3


def test_a_log_of_a_later_version_is_no_damaged_one(reader):
  line, _ = Place().after([b'{"log":"gr_jax items 3"}'])
  with pytest.raises(ValueError, match="format is") as error:
    list(reader([line]))
  assert not isinstance(error.value, Damaged)
