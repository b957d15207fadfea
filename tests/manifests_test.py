"""A manifest is read as it was written, or refused."""

import json

import pytest

from gr_jax import manifests

CONTENT = {"fingerprint": "f", "section": {"sizes": (1, 2), 3: 0.1, "n": None}}


@pytest.fixture
def folder(tmp_path):
  (tmp_path / "data").write_text("data")
  manifests.write(tmp_path, CONTENT)
  return tmp_path


def test_a_manifest_is_read_as_it_was_written(folder):
  found = manifests.read(folder)
  assert found["section"] == {"sizes": [1, 2], "3": 0.1, "n": None}
  assert list(found["files"]) == ["data"]
  assert manifests.defect(folder, found) is None
  manifests.write(folder, CONTENT)
  assert manifests.read(folder) == found


def test_every_flipped_bit_of_a_manifest_is_found(folder):
  path = folder / manifests.MANIFEST
  content = path.read_bytes()
  for at in range(len(content)):
    changed = bytearray(content)
    changed[at] ^= 1 << (at % 8)
    path.write_bytes(changed)
    with pytest.raises(ValueError, match=r"manifest\.json is damaged \("):
      manifests.read(folder)


def test_a_manifest_without_checksums_is_taken_as_it_is(folder):
  path = folder / manifests.MANIFEST
  path.write_text(json.dumps(CONTENT))
  (folder / "data").write_text("other")
  assert manifests.defect(folder, manifests.read(folder)) is None


def test_where_there_is_none_there_is_none(tmp_path):
  assert manifests.read(tmp_path) is None
