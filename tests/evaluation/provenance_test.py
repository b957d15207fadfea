"""Where a result says it came from."""

from gr_jax.evaluation import provenance


def test_a_command_names_no_folder():
  arguments = ["--config=c.py:tiny", "--workdir=/x", "--config.output=/y"]
  assert (
    provenance.command([*arguments, "--config.seeds=(0,)"])
    == "python -m gr_jax.main --config=c.py:tiny --config.seeds=(0,)"
  )


def test_a_folder_without_git_has_an_unknown_commit(monkeypatch):
  monkeypatch.setenv("PATH", "")
  assert provenance.commit() == "unknown"
