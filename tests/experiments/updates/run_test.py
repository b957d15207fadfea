"""One update of a small run, from a file of events to a version."""

import dataclasses
import json
import os
import shutil
from unittest import mock

import numpy as np
import pytest

from experiments.updates import record, rollback, run, switching, tell
from experiments.updates.prepare import Sources, known_log
from experiments.updates.settings import UpdateConfig
from experiments.updates.switching import Server
from gr_jax.data.catalogue import Catalogue
from gr_jax.data.requests import Requests
from gr_jax.retrieval import versions
from gr_jax.retrieval.load import load_artefacts
from tests.experiments.updates.conftest import CONFIG
from tests.reference import resealed, shop_updates

NOBODY = Server()


@pytest.fixture(scope="module")
def version(updated):
  return load_artefacts(updated.run)


@pytest.fixture
def copied(updated, tmp_path):
  """A copy to be changed."""
  return shutil.copytree(updated.run, tmp_path / "run", copy_function=os.link)


def test_it_says_what_it_read_and_that_the_version_is_current(updated):
  assert "0001: 2 of 2 items are new.\n" in updated.output
  assert "0001: 78 of 80 events are new; left out 2 x unknown item" in (
    updated.output
  )
  assert "on what arrived, before it is learned: " in updated.output
  assert "0001: is current: " in updated.output
  assert versions.current_name(updated.run) == "0001"


def test_a_version_is_read_like_a_run_and_no_given_id_moves(updated, version):
  old = np.load(updated.run / "tokenizer" / "semantic_ids" / "codes.npy")
  assert version.version == "0001"
  np.testing.assert_array_equal(version.semantic_ids.codes[: len(old)], old)
  ids = version.catalogue.item_ids.tolist()
  assert ids[len(old) :] == ["S1", "N1", "N2"]
  codes = version.semantic_ids.codes[ids.index("S1")].tolist()
  assert codes == updated.given["semantic_id"]
  assert len(np.unique(version.semantic_ids.codes, axis=0)) == len(ids)
  assert np.load(version.directory / "vectors" / "items.npy").shape[0] == 63


def test_what_is_learned_is_counted(updated, version):
  base = Catalogue.load(updated.run / "data" / "catalogue").popularity
  after = version.catalogue.popularity
  log = known_log(
    updated.run, record.chain(updated.run, "0001"), version.catalogue.values
  )
  grown = log.counted & (log.event_update == 1)
  assert after.sum() - base.sum() == grown.sum() > 0
  row = version.catalogue.item_ids.tolist().index("N1")
  assert after[row] == (log.requests.event_item[grown] == row).sum() > 0


def test_the_parameters_have_moved_and_the_old_ones_stay(updated, version):
  old = np.load(updated.run / "vectors" / "items.npy")
  new = np.load(version.directory / "vectors" / "items.npy")
  np.testing.assert_array_equal(new[: len(old)], old)
  made = record.load(updated.run, "0001")
  assert made is not None
  assert (made.parent, made.reasons) == ("0000", [])
  assert made.settings["requests"] == 32
  assert [one["file"] for one in made.events] == ["events.csv", "items.csv"]
  rows = {(r["slice"], r["what"], r["metric"]) for r in made.figures["rows"]}
  assert ("newest", "difference", "hit_rate@10") in rows
  assert ("arrived", "before", "gap") in rows
  # What arrived is answered before it is learned, and only then.
  assert ("arrived", "after", "gap") not in rows


def test_a_version_takes_little_room(updated):
  folder = versions.folder(updated.run, "0001")
  tokenizer = folder / "tokenizer" / "state.msgpack"
  assert tokenizer.stat().st_nlink > 1
  assert not (folder / "generator" / "checkpoints").exists()
  assert not (folder / "data" / "requests").exists()
  left = {path.name for path in folder.iterdir()}
  assert left == {
    "begun.json", "before.npz", "data", "generator", "tokenizer", "vectors",
    "version.json",
  }  # fmt: skip


def other(updated, tmp_path, events: str) -> Sources:
  """The sources of the update with other events."""
  path = tmp_path / "other.csv"
  path.write_text(events)
  return dataclasses.replace(updated.sources, events=path)


def test_the_same_events_are_not_learned_twice(updated, capsys):
  wanted = updated.sources
  assert run.update(updated.run, wanted, UpdateConfig(), NOBODY) is None
  said = capsys.readouterr().err
  assert said == "0001: events.csv is learned already; nothing is done.\n"
  assert versions.names(updated.run) == ["0000", "0001"]


def test_the_same_events_with_other_items_are_not_learned_twice(
  updated, capsys
):
  wanted = dataclasses.replace(updated.sources, items=None)
  assert run.update(updated.run, wanted, UpdateConfig(), NOBODY) is None
  assert "events.csv is learned already" in capsys.readouterr().err


def test_a_server_that_was_out_of_reach_is_told_by_the_same_command(updated):
  server = Server("http://nowhere", "token")
  with mock.patch.object(tell, "reload") as reload:
    assert run.update(updated.run, updated.sources, CONFIG, server) is None
  reload.assert_called_once_with("http://nowhere", "token", "0001")


def test_events_of_yesterday_are_late(updated, copied, tmp_path):
  wanted = other(updated, tmp_path, shop_updates.events(range(20, 22)))
  with pytest.raises(ValueError, match=r"40 x late.* nothing is left to learn"):
    run.update(copied, wanted, UpdateConfig(), NOBODY)
  assert versions.current_name(copied) == "0001"
  assert record.load(copied, "0002") is None


def test_a_file_that_cannot_be_learned_leaves_nothing(
  updated, copied, tmp_path
):
  before = versions.names(copied)
  head = shop_updates.HEAD
  for events, message in (
    ("", "is empty"),
    (f"{head}\n", "nothing is left to learn"),
  ):
    with pytest.raises(ValueError, match=message):
      run.update(copied, other(updated, tmp_path, events), CONFIG, NOBODY)
    assert versions.names(copied) == before
  assert versions.current_name(copied) == "0001"


def test_a_file_that_grows_while_it_is_read_is_refused(
  updated, copied, tmp_path
):
  sources = other(updated, tmp_path, shop_updates.events([26]))

  def prepare(*arguments, **options):
    sources.events.write_text(shop_updates.events([26, 27]))
    return None, ["20 of 20 events are new"]

  with (
    mock.patch.object(run, "prepare", prepare),
    pytest.raises(
      ValueError, match=r"other\.csv has changed while it was read"
    ),
  ):
    run.update(copied, sources, CONFIG, NOBODY)
  assert versions.names(copied) == ["0000", "0001"]


def test_a_version_goes_back_and_forth(copied, capsys):
  assert rollback.roll_back(copied, "", NOBODY) == versions.FIRST
  assert load_artefacts(copied).version == versions.FIRST
  with pytest.raises(ValueError, match="nothing is before it"):
    rollback.roll_back(copied, "", NOBODY)
  assert rollback.roll_back(copied, "0001", NOBODY) == "0001"
  with pytest.raises(ValueError, match="there is no version '7'"):
    rollback.roll_back(copied, "7", NOBODY)
  (versions.folder(copied, "0001") / "version.json").unlink()
  with pytest.raises(ValueError, match="0001 is not finished"):
    rollback.roll_back(copied, "0001", NOBODY)
  assert versions.current_name(copied) == "0001"
  assert "0000: is current" in capsys.readouterr().err


def test_what_was_made_of_the_same_parent_is_served_and_not_made_again(
  updated, copied, tmp_path
):
  # As a kill between the record and the pointer leaves it.
  versions.point_to(copied, versions.FIRST)
  made = run.update(copied, updated.sources, UpdateConfig(), NOBODY)
  assert made is not None
  assert made.name == "0001"
  assert versions.current_name(copied) == "0001"


def test_a_version_with_reasons_is_kept_and_not_served(
  updated, copied, tmp_path, capsys
):
  versions.point_to(copied, versions.FIRST)
  path = versions.folder(copied, "0001") / "version.json"
  stored = json.loads(path.read_text())
  path.unlink()  # It is a link.
  path.write_text(json.dumps(stored | {"reasons": ["it is worse"]}))
  for _ in range(2):
    run.update(copied, updated.sources, CONFIG, NOBODY)
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "kept and not served: it is worse. To serve it all" in said
    assert versions.current_name(copied) == versions.FIRST

  # Other options may do better.
  tried = mock.patch.object(run, "_make", side_effect=OSError("tried"))
  with tried, pytest.raises(OSError, match="tried"):
    run.update(copied, updated.sources, UpdateConfig(), NOBODY)


def test_what_was_rolled_back_is_served_by_its_name_alone(
  updated, copied, capsys
):
  rollback.roll_back(copied, "", NOBODY)
  run.update(copied, updated.sources, UpdateConfig(), NOBODY)
  assert "rolled back; --rollback=0001 serves it" in capsys.readouterr().err
  assert versions.current_name(copied) == versions.FIRST
  rollback.roll_back(copied, "0001", NOBODY)
  assert not rollback.rolled_back(copied, "0001")
  versions.point_to(copied, versions.FIRST)
  run.update(copied, updated.sources, UpdateConfig(), NOBODY)
  assert versions.current_name(copied) == "0001"


def second_version(updated, run_folder, events, **changes) -> None:
  """A copy of the version, as if it had learned other events after it."""
  folder = versions.folder(run_folder, "0002")
  first = versions.folder(run_folder, "0001")
  shutil.copytree(first, folder, copy_function=os.link)
  made = record.load(run_folder, "0001")
  assert made is not None
  (folder / "version.json").unlink()  # It is a link.
  files = [record.describe_file(events), *made.events[1:]]
  changes = {"name": "0002", "parent": "0001", "events": files} | changes
  record.save(run_folder, dataclasses.replace(made, **changes))


def test_what_was_rolled_back_with_others_is_not_learned_again(
  updated, copied, tmp_path, capsys
):
  second = other(updated, tmp_path, "more")
  second_version(updated, copied, second.events)
  versions.point_to(copied, "0002")
  rollback.roll_back(copied, versions.FIRST, NOBODY)
  capsys.readouterr()
  made = mock.patch.object(run, "_make", side_effect=OSError("made"))
  with made as make:
    for sources, name in ((updated.sources, "0001"), (second, "0002")):
      run.update(copied, sources, UpdateConfig(), NOBODY)
      said = capsys.readouterr().err
      assert f"rolled back; --rollback={name} serves it.\n" in said
      assert said.count("\n") == 1
    assert versions.current_name(copied) == versions.FIRST
    # What comes next is trained from what is served, with its data alone.
    third = other(updated, tmp_path, "third")
    with pytest.raises(OSError, match="made"):
      run.update(copied, third, UpdateConfig(), NOBODY)
  assert make.call_args.args[1:3] == (versions.FIRST, [])


def test_what_was_refused_is_not_tried_again_on_a_later_version(
  updated, copied, tmp_path, capsys
):
  bad = other(updated, tmp_path, "bad")
  second_version(
    updated, copied, bad.events, parent=versions.FIRST, reasons=["it is worse"]
  )
  made = mock.patch.object(run, "_make", side_effect=OSError("made"))
  with made:
    run.update(copied, bad, CONFIG, NOBODY)
    assert "kept and not served: it is worse" in capsys.readouterr().err
    with pytest.raises(OSError, match="made"):
      run.update(copied, bad, UpdateConfig(), NOBODY)


def test_two_updates_of_a_run_do_not_meet(updated, copied):
  with switching.one_at_a_time(copied):
    for work in (
      lambda: run.update(copied, updated.sources, CONFIG, NOBODY),
      lambda: rollback.roll_back(copied, "", NOBODY),
    ):
      with pytest.raises(switching.InUse, match="another update or rollback"):
        work()
  assert versions.current_name(copied) == "0001"


def test_versions_of_a_run_before_are_not_served(updated, copied):
  resealed.remake(copied, "generator", "another")
  text = "was run anew, and its version 0001 is of the run before: move"
  with pytest.raises(ValueError, match=text):
    load_artefacts(copied)
  with pytest.raises(ValueError, match=text):
    run.update(copied, updated.sources, UpdateConfig(), NOBODY)
  assert rollback.roll_back(copied, "", NOBODY) == versions.FIRST
  assert load_artefacts(copied).version == versions.FIRST
  with pytest.raises(ValueError, match=text):
    rollback.roll_back(copied, "0001", NOBODY)
  # The same events are new to this run.
  tried = mock.patch.object(run, "_make", side_effect=OSError("tried"))
  with tried, pytest.raises(OSError, match="tried"):
    run.update(copied, updated.sources, UpdateConfig(), NOBODY)


def test_a_refusal_that_comes_late_takes_the_pointer_back(updated, copied):
  server = Server("http://nowhere", "token")
  for error, name in ((tell.WrongServer, "0001"), (tell.NotSwitched, "0000")):
    refusal = mock.patch.object(tell, "reload", side_effect=error("refused"))
    with refusal, pytest.raises(tell.NotSwitched):
      run.update(copied, updated.sources, CONFIG, server)
    assert versions.current_name(copied) == name


def test_a_folder_that_was_cut_off_is_gone_on_from_or_removed(copied, capsys):
  wanted = {"parent": "0001", "files": [], "settings": {}}
  assert run._begin(copied, wanted) == "0002"
  assert run._begin(copied, wanted) == "0002"
  assert "0002: goes on." in capsys.readouterr().err
  assert run._begin(copied, wanted | {"parent": "0000"}) == "0002"
  assert "is of another update: removed" in capsys.readouterr().err


def test_a_version_is_no_run_to_update(updated, tmp_path):
  folder = versions.folder(updated.run, "0001")
  with pytest.raises(ValueError, match=f"--artefacts={updated.run}"):
    run.update(folder, updated.sources, UpdateConfig(), NOBODY)
  with pytest.raises(FileNotFoundError, match="holds no finished run"):
    run.update(tmp_path, updated.sources, UpdateConfig(), NOBODY)


def test_the_log_of_a_run_is_read_as_it_was(updated):
  base = Requests.load(updated.run / "data" / "requests")
  chain = record.chain(updated.run, "0001")
  log = known_log(updated.run, chain, np.ones(63, np.float32))
  assert (log.request_update == 0).sum() == len(base)


def test_a_server_that_refuses_a_version_keeps_the_pointer(copied):
  refusal = mock.patch.object(
    tell, "reload", side_effect=tell.NotSwitched("refused")
  )
  server = Server("http://nowhere", "token")
  with refusal, pytest.raises(tell.NotSwitched):
    rollback.roll_back(copied, "", server)
  assert versions.current_name(copied) == "0001"
  assert not rollback.rolled_back(copied, "0001")
  gone = mock.patch.object(
    tell, "reload", side_effect=tell.NotReached("nobody")
  )
  with gone, pytest.raises(tell.NotReached, match="nobody: 0000 is current"):
    rollback.roll_back(copied, "", server)
  # One that starts again serves what the pointer names.
  assert versions.current_name(copied) == versions.FIRST
