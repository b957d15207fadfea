"""The command: flags, and errors of one line."""

import pytest

from gr_jax import update


def said(capsys, *arguments: str) -> str:
  assert update.main(list(arguments)) == 1
  lines = capsys.readouterr().err.splitlines()
  assert len(lines) == 1
  return lines[0]


def test_help_shows_a_whole_example(capsys):
  with pytest.raises(SystemExit):
    update.main(["--help"])
  text = capsys.readouterr().out
  for line in (
    "python -m gr_jax.main --config=own_data",
    "python -m gr_jax.serving --artefacts=runs/shop",
    "--events=monday.csv --items=monday.items.csv",
    "--artefacts=runs/shop --rollback",
    "--artefacts=runs/shop --watch=incoming",
  ):
    assert line in text


@pytest.mark.parametrize(
  ("flags", "text"),
  [
    ([], "give one of --events=FILE, --watch=FOLDER and --rollback"),
    (["--events=a.csv", "--rollback"], "give one of --events=FILE"),
    (["--watch=a", "--items=b.csv"], "--items goes with --events"),
    (["--watch=a", "--every=0"], "--every=0.0: must be positive."),
    (["--events=a.csv", "--replay=1"], "--replay=1.0: must be in [0, 1)"),
    (["--events=a.csv", "--passes=0"], "--passes=0.0: must be above 0."),
    (["--events=a.csv", "--steps=-1"], "--steps=-1: must be 0, or 2 and more"),
    (["--events=a.csv", "--columns=x"], "--columns has 'x'; write it as"),
    (["--events=a.csv"], "holds no finished run; name the --workdir"),
    (["--rollback"], "holds no finished run; name the --workdir"),
    (["--watch=nowhere"], "there is no folder nowhere to watch."),
    (["--event=a"], "unrecognized arguments: --event=a; see --help."),
  ],
)
def test_a_mistake_is_one_line(tmp_path, capsys, flags, text):
  assert text in said(capsys, f"--artefacts={tmp_path}", *flags)
  assert not (tmp_path / "versions").exists()
