import copy
import json
import types

import jax
import numpy as np
import pytest

from gr_jax.generators.pretrained.arrangement import read_arrangement
from gr_jax.generators.pretrained.decoder import make_decoder
from gr_jax.generators.pretrained.load import load_params
from gr_jax.generators.pretrained.packed_weights import apart, together
from gr_jax.generators.pretrained.text import read_tokenizer
from gr_jax.generators.pretrained.text_prompt import TextPrompt
from gr_jax.retrieval import export_decoder
from gr_jax.retrieval.load import load_artefacts
from gr_jax.retrieval.weights import quantize_weights
from tests.reference import trained_run


@pytest.fixture(scope="module")
def run(tmp_path_factory):
  """As wide as kernels in NVFP4 must be, but for what down_proj contracts."""
  directory = tmp_path_factory.mktemp("run")
  section = copy.deepcopy(trained_run.PRETRAINED["pretrained"])
  section["random"] |= {"width": 64, "head_size": 32, "feed_forward": 72}
  trained_run.make(directory, network="pretrained", pretrained=section)
  return directory


def test_an_exported_decoder_says_the_codes_that_the_generator_says(
  run, tmp_path, capsys
):
  export_decoder.main([str(run), str(tmp_path / "out")])
  assert "has the model" in capsys.readouterr().out
  arrangement = read_arrangement(tmp_path / "out")
  text = read_tokenizer(tmp_path / "out")
  assert arrangement.vocab_size == text.size
  loaded = load_artefacts(run)
  words = "Search: oat milk\nID:<a_1>"
  tokens, mask = text.encode([words], length=24)
  params = load_params(tmp_path / "out", arrangement)
  whole = jax.jit(make_decoder(arrangement).apply)(params, tokens, mask)
  # The first code, and the second after it.
  count = int(mask.sum())
  query = np.where(mask, tokens, -1)[:, None, : count - 1]
  codes = np.ones((1, 1, len(loaded.model.level_sizes)), np.int32)
  found = jax.jit(loaded.model.apply)(
    loaded.params, TextPrompt(np.full((1, 1), -1, np.int32)), query, codes
  )
  first = loaded.model.prompt_size
  sizes = loaded.model.level_sizes
  for level, at in enumerate((count - 2, count - 1)):
    begin = first + sum(sizes[:level])
    expected = whole[0, at, begin : begin + sizes[level]]
    np.testing.assert_allclose(found[level][0, 0], expected, atol=1e-4)
  assert np.ptp(found[0]) > 0.01


def test_a_run_is_exported_in_nvfp4_after_lora_is_merged(run, tmp_path, capsys):
  command = [str(run), str(tmp_path / "out")]
  export_decoder.main([*command, "--weights=nvfp4"])
  said = capsys.readouterr().out
  assert "nvfp4-pack-quantized" in said
  assert "3 of " in said
  arrangement = read_arrangement(tmp_path / "out")
  config = json.loads((tmp_path / "out" / "config.json").read_text())
  ignored = ["lm_head", "model.layers.0.mlp.down_proj"]
  assert config["quantization_config"]["ignore"] == ignored
  found = load_params(tmp_path / "out", arrangement, dtype=None)
  export_decoder.main([command[0], str(tmp_path / "plain")])
  plain = load_params(tmp_path / "plain", arrangement)
  wanted = apart(quantize_weights(together(plain), "nvfp4")[0])
  for one, other in zip(jax.tree.leaves(found), jax.tree.leaves(wanted)):
    np.testing.assert_array_equal(one, other.astype(one.dtype))
  sizes = [
    (tmp_path / name / "model.safetensors").stat().st_size
    for name in ("out", "plain")
  ]
  assert sizes[0] < sizes[1] / 2


def test_weights_that_files_cannot_have_are_refused(run, tmp_path):
  command = [str(run), str(tmp_path / "out")]
  with pytest.raises(SystemExit, match="weights is 'mxfp4'; use one of nvfp4"):
    export_decoder.main([*command, "--weights=mxfp4"])
  with pytest.raises(SystemExit, match="FOLDER"):
    export_decoder.main(command[:1])
  assert not (tmp_path / "out").exists()


def test_other_generators_are_refused(tmp_path, monkeypatch):
  with pytest.raises(SystemExit, match="there is no folder"):
    export_decoder.main([str(tmp_path / "x"), str(tmp_path / "out")])
  other = types.SimpleNamespace(model=object(), vocabulary=None)
  monkeypatch.setattr(export_decoder, "load_artefacts", lambda run: other)
  with pytest.raises(SystemExit, match="is no pretrained one"):
    export_decoder.main([str(tmp_path), str(tmp_path / "out")])
