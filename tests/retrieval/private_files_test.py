"""What runs code is read only where nobody else can have put it."""

import os

import pytest

from gr_jax.retrieval import private_files
from gr_jax.retrieval.private_files import others_can_write, read_private


@pytest.mark.parametrize(
  ("mode", "open_to_others"),
  [(0o600, False), (0o644, False), (0o664, True), (0o602, True)],
)
def test_the_mode_says_who_can_write(tmp_path, mode, open_to_others):
  path = tmp_path / "file"
  path.write_bytes(b"code")
  path.chmod(mode)
  assert others_can_write(path) == open_to_others
  if open_to_others:
    with pytest.raises(PermissionError, match="other users"):
      read_private(path)
  else:
    assert read_private(path) == b"code"


def test_what_belongs_to_another_user_is_not_read(monkeypatch, tmp_path):
  path = tmp_path / "file"
  path.write_bytes(b"code")
  mine = os.stat(path).st_uid
  monkeypatch.setattr(private_files.os, "getuid", lambda: mine + 1)
  assert others_can_write(path) == (mine != 0)


def test_a_link_is_as_open_as_what_it_names(tmp_path):
  shared = tmp_path / "shared"
  shared.mkdir()
  shared.chmod(0o777)
  (tmp_path / "link").symlink_to(shared)
  assert others_can_write(tmp_path / "link")
