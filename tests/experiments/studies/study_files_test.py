import json

import pytest

from experiments.studies.study_files import write_study


def test_every_folder_gets_the_same_three_files(tmp_path, capsys):
  folders = [tmp_path / "a", tmp_path / "b" / "c"]
  write_study({"x": 1}, page="a page", picture="<svg/>", folders=folders)
  for folder in folders:
    assert (folder / "table.md").read_text() == "a page"
    assert json.loads((folder / "table.json").read_text()) == {"x": 1}
    assert (folder / "plot.svg").read_text() == "<svg/>"
  assert "a page" in capsys.readouterr().out


def test_a_figure_that_is_no_number_is_not_written(tmp_path):
  with pytest.raises(ValueError, match="JSON"):
    write_study({"x": float("nan")}, page="", picture="", folders=[tmp_path])
