"""What the tool says of a log is so, and what it does loses nothing unsaid."""

import threading

import pytest

from gr_jax.serving.catalogue.compaction import Compaction
from gr_jax.serving.catalogue.item_log import ItemLog, read_changes
from gr_jax.serving.catalogue.log_state import LogState
from gr_jax.serving.log import main


@pytest.fixture
def path(tmp_path):
  path = tmp_path / "items.log"
  log = ItemLog(path)
  for number in range(10):
    log.append({"prices": {f"i{number % 3}": number}})
  log.close()
  return path


@pytest.fixture
def run(capsys):
  def run(*arguments) -> tuple[int, str]:
    code = main([str(each) for each in arguments])
    found = capsys.readouterr()
    text = found.out + found.err
    assert text.count("\n") == 1
    return code, text

  return run


def prices(path):
  return LogState(read_changes(path)).change("").prices


def test_a_whole_log_is_said_to_be_whole_also_while_it_is_served(path, run):
  log = ItemLog(path)
  before = path.read_bytes()
  code, text = run("check", path)
  assert code == 0
  assert "is whole: 10 changes in 11 lines" in text
  assert path.read_bytes() == before
  assert run("repair", path) == (
    1,
    f"error: {path} is in use by another server: stop that one, or give this "
    "one its own --log.\n",
  )
  log.close()


def test_a_torn_write_is_kept_when_it_is_mended(path, run):
  with path.open("ab") as file:
    file.write(b"0123 {torn")
  assert (
    "10 bytes of a write that is under way, or was torn"
    in (run("check", path)[1])
  )
  code, text = run("repair", path)
  assert code == 0
  assert "never acknowledged" in text
  assert "LOST" not in text
  assert path.with_name("items.log.1.torn").read_bytes() == b"0123 {torn"
  assert "is whole; nothing was changed" in run("repair", path)[1]


def test_damage_is_named_and_mended_up_to_it(path, run):
  lines = path.read_bytes().splitlines(keepends=True)
  path.write_bytes(b"".join([*lines[:4], *lines[5:]]))
  code, text = run("check", path)
  assert code == 1
  assert text.startswith(
    f"error: line 5 of {path} follows a line that is missing."
  )
  code, text = run("repair", path)
  assert code == 0
  assert f"{path} has 3 changes now" in text
  assert "changes 4 to 10 were acknowledged and are LOST" in text
  assert path.with_name("items.log.1.torn").read_bytes() == b"".join(lines[5:])
  assert run("check", path)[0] == 0
  log = ItemLog(path)
  log.append({"prices": {"i9": 1}})
  assert log.records == 4
  log.close()


@pytest.mark.parametrize("kept", [0, 1, 4])
def test_a_cut_is_named_and_what_is_left_can_be_used(path, run, kept):
  lines = path.read_bytes().splitlines(keepends=True)
  path.write_bytes(b"".join(lines[:kept]))
  assert "was cut: it ends after change" in run("check", path)[1]
  left = max(kept - 1, 0)
  assert (
    f"changes {left + 1} to 10 were acknowledged and are LOST"
    in (run("repair", path)[1])
  )
  log = ItemLog(path)
  assert log.records == left
  log.append({"n": 1})
  log.close()
  assert run("check", path)[0] == 0


def test_a_file_that_replaced_the_log_is_named_and_can_be_taken(path, run):
  log = ItemLog(path.with_name("other"))
  log.append(*({"prices": {"x": n}} for n in range(12)))
  log.close()
  path.write_bytes(path.with_name("other").read_bytes())
  assert "replaced by another file" in run("check", path)[1]
  assert "has 12 changes now" in run("repair", path)[1]
  assert prices(path) == {"x": 11}


def test_a_log_that_is_damaged_from_its_first_line_begins_anew(path, run):
  content = path.read_bytes()
  path.write_bytes(b"x" + content[1:])
  assert "line 1 " in run("check", path)[1]
  assert (
    "changes 1 to 10 were acknowledged and are LOST" in (run("repair", path)[1])
  )
  assert path.with_name("items.log.1.torn").read_bytes() == b"x" + content[1:]
  ItemLog(path).close()
  assert prices(path) == {}


def test_compaction_changes_nothing_but_the_size(path, run):
  log = ItemLog(path)
  log.append(*({"prices": {"i1": n}} for n in range(200)))
  log.close()
  before, size = prices(path), path.stat().st_size
  code, text = run("compact", path)
  assert (code, prices(path)) == (0, before)
  assert f"{size} before; 210 changes" in text
  assert path.stat().st_size < size / 10
  assert "210 changes in 2 lines" in run("check", path)[1]
  # The state is without use where it is damaged.
  path.write_bytes(path.read_bytes().replace(b"199", b"198"))
  assert "put a backup in its place" in run("repair", path)[1]


def test_a_backup_is_the_log_of_one_moment(path, run, tmp_path):
  log, lock = ItemLog(path), threading.Lock()
  stop, taken = threading.Event(), 10

  def change():
    nonlocal taken
    while not stop.is_set():
      with lock:
        log.append({"prices": {"n": taken}})
      taken += 1

  thread = threading.Thread(target=change)
  thread.start()
  compaction = Compaction(log, lock, least=0)
  try:
    for number in range(6):
      least, copy = taken, tmp_path / f"copy{number}"
      assert run("backup", path, f"--to={copy}")[0] == 0
      compaction.run()
      ItemLog(copy).close()
      assert prices(copy).get("n", 9) >= least - 1
  finally:
    stop.set()
    thread.join()
    log.close()
  assert "File exists" in run("backup", path, f"--to={copy}")[1]
  assert "give --to=FILE" in run("backup", path)[1]


def test_what_is_no_log_is_one_line(tmp_path, run):
  assert "is no file; give the log of a server" in run("check", tmp_path)[1]
  assert "invalid choice" in run("mend", tmp_path)[1]


def test_help_says_what_each_action_does(capsys):
  with pytest.raises(SystemExit):
    main(["--help"])
  text = capsys.readouterr().out
  for word in ("check", "repair", "compact", "backup", "--to", ".ack"):
    assert word in text
