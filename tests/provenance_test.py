"""Where a result says it came from."""

import shutil
import subprocess

from gr_jax import provenance


def test_a_command_names_no_folder():
  arguments = ["--config=c.py:tiny", "--workdir=/x", "--config.output=/y"]
  assert (
    provenance.command([*arguments, "--config.seeds=(0,)"])
    == "python -m gr_jax.main --config=c.py:tiny --config.seeds=(0,)"
  )


def test_without_git_the_commit_is_unknown(monkeypatch):
  monkeypatch.setenv("PATH", "")
  assert provenance.commit() == "unknown"


def test_the_commit_is_that_of_the_source_not_of_a_repository_around_it(
  tmp_path, monkeypatch
):
  """An environment inside somebody else's repository has no commit of ours."""
  source = tmp_path / "provenance.py"
  shutil.copy(provenance.__file__, source)
  monkeypatch.setattr(provenance, "__file__", str(source))
  name = ("-c", "user.name=n", "-c", "user.email=e")

  def git(*arguments):
    call = ["git", *name, *arguments]
    subprocess.run(call, cwd=tmp_path, check=True, capture_output=True)

  git("init")
  git("commit", "--allow-empty", "--message=theirs")
  assert provenance.commit() == "unknown"
  git("add", "provenance.py")
  git("commit", "--message=ours")
  clean = provenance.commit()
  assert len(clean) == 12
  source.write_text("")
  assert provenance.commit() == f"{clean}-dirty"


def test_versions_name_what_decides_the_figures():
  assert set(provenance.versions()) >= {"python", "jax", "numpy"}
