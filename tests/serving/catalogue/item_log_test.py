"""The log keeps what was acknowledged through cuts at any byte."""

import json
from unittest import mock

import hypothesis
import hypothesis.strategies as st
import pytest

from gr_jax.serving.catalogue.item_log import ItemLog

CHANGES = [
  {"add": [{"item_id": f"i{n}", "text": "caf\u00e9 \r\n \u2028"}], "n": n}
  for n in range(3)
]


@pytest.fixture(scope="module")
def written(tmp_path_factory) -> bytes:
  path = tmp_path_factory.mktemp("log") / "items.log"
  log = ItemLog(path)
  for change in CHANGES:
    log.append(change)
  assert log.records == 3
  log.close()
  return path.read_bytes()


def read(path):
  log = ItemLog(path)
  try:
    return log.changes()
  finally:
    log.close()


def test_several_changes_are_one_write(tmp_path):
  log = ItemLog(tmp_path / "log")
  log.append({"n": 0})
  with mock.patch("os.fsync") as synced:
    log.append({"n": 1}, {"n": 2})
    log.append()
  assert synced.call_count == 1
  assert log.records == 3
  assert [change["n"] for change in log.changes()] == [0, 1, 2]
  full = mock.patch("os.fsync", side_effect=OSError(28, "full"))
  with full, pytest.raises(OSError, match="full"):
    log.append({"n": 3}, {"n": 4})
  assert (log.records, len(log.changes())) == (3, 3)
  log.close()


@hypothesis.given(data=st.data())
def test_a_cut_at_any_byte_loses_the_last_record_at_most(
  data, written, tmp_path_factory
):
  ends = [i + 1 for i, byte in enumerate(written) if byte == ord("\n")]
  cut = data.draw(st.integers(0, len(written)))
  tail = data.draw(st.sampled_from([b"", b"\0\0\0", b"\r\r"]))
  path = tmp_path_factory.mktemp("cut") / "items.log"
  path.write_bytes(written[:cut] + tail)
  whole = sum(end <= cut for end in ends)
  assert read(path) == CHANGES[:whole]
  # What was torn is gone for good: the next record follows the last whole one.
  log = ItemLog(path)
  log.append({"n": 9})
  log.close()
  assert read(path) == [*CHANGES[:whole], {"n": 9}]


def test_a_torn_record_is_reported(written, tmp_path, capsys):
  path = tmp_path / "items.log"
  path.write_bytes(written[:-1])
  assert read(path) == CHANGES[:2]
  assert "dropped a torn last record" in capsys.readouterr().err


@pytest.mark.parametrize("number", [1, 2])
def test_damage_of_an_acknowledged_change_is_refused(written, tmp_path, number):
  path = tmp_path / "items.log"
  path.write_bytes(written.replace(b'"n":%d' % number, b'"n":7'))
  with pytest.raises(
    ValueError, match=rf"line {number + 1} of 3 of .* is damaged"
  ):
    ItemLog(path)


def test_a_damaged_end_of_line_does_not_make_one_torn_line_of_two(
  written, tmp_path
):
  path = tmp_path / "items.log"
  first, second, third = written.split(b"\n")[:3]
  path.write_bytes(first + b"\n" + second + b"\x0b" + third + b"\n")
  with pytest.raises(ValueError, match=r"line 2 of 2 of .* is damaged"):
    ItemLog(path)


def test_two_servers_cannot_share_a_log(tmp_path):
  log = ItemLog(tmp_path / "items.log")
  with pytest.raises(ValueError, match="in use by another server"):
    ItemLog(tmp_path / "items.log")
  log.close()
  assert read(tmp_path / "items.log") == []


def test_a_record_that_could_not_be_synced_does_not_come_back(tmp_path):
  path = tmp_path / "items.log"
  log = ItemLog(path)
  log.append({"n": 0})
  full = mock.patch("os.fsync", side_effect=OSError(28, "No space left"))
  with full, pytest.raises(OSError, match="No space"):
    log.append({"n": 1})
  log.append({"n": 2})
  log.close()
  assert [json.loads(line[9:]) for line in path.read_text().splitlines()] == [
    {"n": 0},
    {"n": 2},
  ]
