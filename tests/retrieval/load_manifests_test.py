"""A run is read where all of its stages are whole and of each other."""

import pytest

from gr_jax import manifests
from gr_jax.retrieval.load_manifests import read_manifests

INPUTS = {
  "data": [],
  "vectors": ["data"],
  "tokenizer": ["data", "vectors"],
  "generator": ["data", "tokenizer"],
  "alignment": ["generator"],
}


@pytest.fixture
def run(tmp_path):
  for stage, inputs in INPUTS.items():
    (tmp_path / stage).mkdir()
    (tmp_path / stage / "file").write_text(stage)
    content = {"fingerprint": stage, "section": {}, "inputs": inputs}
    manifests.write(tmp_path / stage, content)
  return tmp_path


def test_the_manifests_of_all_stages_are_read(run):
  found = read_manifests(run)
  assert {name: each["fingerprint"] for name, each in found.items()} == {
    name: name for name in INPUTS
  }


def test_the_run_of_a_ranker_is_named_as_one(tmp_path):
  for stage in ("data", "ranker"):
    (tmp_path / stage).mkdir()
    content = {"fingerprint": stage, "section": {}, "inputs": []}
    manifests.write(tmp_path / stage, content)
  with pytest.raises(
    ValueError, match="the run of a ranker, which has no search"
  ):
    read_manifests(tmp_path)


@pytest.mark.parametrize("stage", INPUTS)
def test_a_changed_file_is_refused_with_the_command_that_mends(run, stage):
  (run / stage / "file").write_text(stage.upper())
  with pytest.raises(ValueError, match=f"{stage}/file is not what") as caught:
    read_manifests(run)
  assert f"`python -m gr_jax.main --workdir={run}`" in str(caught.value)


@pytest.mark.parametrize("stage", list(INPUTS)[1:])
def test_a_stage_that_was_made_from_another_is_refused(run, stage):
  content = {"fingerprint": stage, "section": {}, "inputs": ["another"]}
  manifests.write(run / stage, content)
  with pytest.raises(ValueError, match=f"{stage} was made from another"):
    read_manifests(run)


def test_stages_of_older_versions_say_not_what_they_were_made_from(run):
  manifests.write(
    run / "generator", {"fingerprint": "generator", "section": {}}
  )
  assert read_manifests(run)


def test_a_damaged_version_names_the_way_back(run):
  version = run / "versions" / "0001"
  version.mkdir(parents=True)
  for stage in INPUTS:
    (run / stage).rename(version / stage)
  (version / "data" / "file").unlink()
  with pytest.raises(ValueError, match="data/file is missing") as caught:
    read_manifests(version)
  back = f"`python -m gr_jax.update --artefacts={run} --rollback`"
  assert back in str(caught.value)
