import os

from gr_jax import fingerprints


def test_the_fingerprint_of_files_follows_names_and_contents(tmp_path):
  marks = [fingerprints.fingerprint_files(str(tmp_path))]
  file = tmp_path / "deep" / "a.csv"
  file.parent.mkdir()
  for text in ("1", "12", "13"):
    file.write_text(text)
    os.utime(file, ns=(5, 5))
    marks.append(fingerprints.fingerprint_files(str(tmp_path)))
  # Neither a time nor how the place is spelt.
  os.utime(file, ns=(5, 6))
  assert fingerprints.fingerprint_files(f"{tmp_path}/deep/../") == marks[-1]
  file.rename(file.with_name("b.csv"))
  marks.append(fingerprints.fingerprint_files(str(tmp_path)))
  assert len(set(marks)) == len(marks)
  alone = fingerprints.fingerprint_files(str(tmp_path / "deep" / "b.csv"))
  assert alone == fingerprints.fingerprint_files(
    str(tmp_path / "deep" / "b.csv")
  )
  assert alone not in marks
  assert fingerprints.fingerprint_files("") == ""
  assert fingerprints.fingerprint_files(str(tmp_path / "none")) == ""


def test_a_fingerprint_changes_with_name_section_and_inputs():
  first = fingerprints.fingerprint("tokenizer", {"a": 1, "b": (2,)}, ["x"])
  others = [
    fingerprints.fingerprint("generator", {"a": 1, "b": (2,)}, ["x"]),
    fingerprints.fingerprint("tokenizer", {"a": 1, "b": (3,)}, ["x"]),
    fingerprints.fingerprint("tokenizer", {"a": 1, "b": (2,)}, ["y"]),
    fingerprints.fingerprint("tokenizer", {"a": 1, "b": (2,)}, ["x", "x"]),
  ]
  assert len({first, *others}) == 5
  # The order of keys is none, and a tuple is the list that JSON makes of it.
  again = fingerprints.fingerprint("tokenizer", {"b": [2], "a": 1}, ["x"])
  assert again == first
