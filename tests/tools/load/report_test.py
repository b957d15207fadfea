from tools.load.offered import Load, Sent
from tools.load.report import change_lines, text_table


def load(**more):
  sent = [Sent(200, n / 100, n / 10) for n in range(1, 101)]
  sent += [Sent(429, 0.001, 9.9)] * 50 + [Sent(0, 30.0, 9.9)] * 50
  return Load(rate=20.0, seconds=10.0, sent=sent, within=0.25, **more)


def test_a_row_has_a_cell_for_every_column():
  lines = text_table([load(), load()]).splitlines()
  cells = ["20", "2.5", "500", "950", "990", "25.0%", "25.0%"]
  assert [cell.strip() for cell in lines[2].split("|")[1:-1]] == cells
  assert len({line.count("|") for line in lines}) == 1


def test_changes_are_shown_beside_what_was_before_them():
  assert change_lines([load()]) == []
  (line,) = change_lines([load(changes=[(8.0, 8.5)])])
  # Requests 1 .. 49 left before the middle, 73 .. 84 met the change.
  assert line == (
    "20/s: 1 changes of 500 ms (median); p99 before them 490 ms, of 12 "
    "requests during them 840 ms (1.71x)"
  )
