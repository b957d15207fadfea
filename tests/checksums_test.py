"""No change of a file is missed, whatever it is."""

import hypothesis
import hypothesis.strategies as st

from gr_jax import checksums


@hypothesis.given(
  content=st.binary(min_size=1, max_size=99),
  at=st.integers(0, 98),
  bit=st.integers(0, 7),
)
def test_every_flipped_bit_is_found(tmp_path_factory, content, at, bit):
  folder = tmp_path_factory.mktemp("files")
  (folder / "deep").mkdir()
  path = folder / "deep" / "data"
  path.write_bytes(content)
  listed = checksums.of_files(folder)
  assert checksums.first_change(folder, listed) is None
  changed = bytearray(content)
  changed[at % len(content)] ^= 1 << bit
  path.write_bytes(changed)
  found = checksums.first_change(folder, listed)
  assert found == "deep/data is not what was written (another CRC-32)"


def test_what_is_missing_or_cut_is_named(tmp_path):
  for name in "ab":
    (tmp_path / name).write_text(name * 1000)
  listed = checksums.of_files(tmp_path)
  assert list(listed) == ["a", "b"]
  (tmp_path / "a").write_text("a")
  found = checksums.first_change(tmp_path, listed)
  assert found == "a has 1 bytes of 1,000"
  (tmp_path / "a").unlink()
  assert checksums.first_change(tmp_path, listed) == "a is missing"
