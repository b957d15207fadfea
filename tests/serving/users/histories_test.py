"""What was acknowledged is there after a restart; who leaves is on no disk."""

from unittest import mock

import pytest

from gr_jax.serving import log as command
from gr_jax.serving.catalogue import item_log
from gr_jax.serving.catalogue.log_lines import Damaged
from gr_jax.serving.catalogue.service import NotWritten
from gr_jax.serving.users.histories import Histories
from gr_jax.serving.users.history_state import Event

ANN = Event("ann", "A1", "order", 5.0)
BOB = Event("bob", "A2", "click", 7.0)


@pytest.fixture
def path(tmp_path):
  return tmp_path / "run.items.log.events"


def reopened(histories: Histories, path) -> Histories:
  histories.close()
  return Histories(path)


def test_a_restart_knows_what_was_acknowledged(path):
  histories = Histories(path)
  assert not path.exists()
  histories.add([ANN, BOB])
  histories.add([ANN._replace(time=1.0)])
  histories = reopened(histories, path)
  assert histories.of("ann") == (ANN._replace(time=1.0), ANN)
  assert histories.of("nobody") == ()
  assert histories.size == 3
  histories.close()


def test_who_leaves_is_in_no_file_and_stays_away(path):
  histories = Histories(path)
  histories.add([ANN, BOB])
  assert histories.remove("ann") == 1
  assert histories.remove("ann") == 0
  assert b"ann" not in path.read_bytes()
  assert b"bob" in path.read_bytes()
  histories = reopened(histories, path)
  assert histories.of("ann") == ()
  assert histories.of("bob") == (BOB,)
  histories.close()


def test_a_disk_that_fails_takes_nothing(path):
  histories = Histories(path)
  histories.add([ANN])
  with (
    mock.patch.object(
      item_log.os, "fsync", side_effect=OSError(28, "No space left")
    ),
    pytest.raises(NotWritten, match="No space left"),
  ):
    histories.add([BOB])
  assert histories.of("bob") == ()
  assert reopened(histories, path).of("ann") == (ANN,)
  histories.close()


def test_a_log_that_was_deleted_is_missed(path):
  histories = Histories(path)
  histories.add([ANN])
  path.unlink()
  assert "put it back" in str(histories.trouble)
  with pytest.raises(NotWritten):
    histories.add([BOB])
  histories.close()
  with pytest.raises(Damaged, match="is gone"):
    Histories(path)


def test_the_command_for_logs_keeps_events(path):
  histories = Histories(path)
  histories.add([ANN, BOB])
  histories.close()
  for action in ("check", "compact"):
    assert command.main([action, str(path)]) == 0
  histories = Histories(path)
  assert histories.of("ann") == (ANN,)
  histories.close()
