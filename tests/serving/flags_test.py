"""Values that make no sense are refused in one line, before all else."""

import pytest

from gr_jax.serving.__main__ import main
from gr_jax.serving.flags import _mesh, parser, tokens


@pytest.mark.parametrize(
  "flag",
  [
    "--queue=0",
    "--max-batch=-1",
    "--deadline-ms=-1",
    "--timeout=0",
    "--timeout=nan",
    "--timeout=inf",
    "--port=-1",
    "--port=65536",
    "--adaptive-beams=0",
    "--max-connections=0",
    "--header-timeout=-1",
    "--keep-alive=0",
    "--target-ms=0",
    "--cache-seconds=-1",
    "--cache-bytes=0",
  ],
)
def test_values_that_make_no_sense_are_refused(tmp_path, capsys, flag):
  assert main([f"--artefacts={tmp_path}", flag]) == 1
  assert f"error: {flag.split('=')[0]}=" in capsys.readouterr().err


@pytest.mark.parametrize("beam", ["0", "5:0", "5,5", "wide", ""])
def test_a_beam_that_is_none_is_one_line(tmp_path, capsys, beam):
  assert main([f"--artefacts={tmp_path}", f"--beam={beam}"]) == 1
  error = capsys.readouterr().err
  assert error.startswith("error: beam ")
  assert error.count("\n") == 1


def test_multiples_are_numbers_and_have_a_default():
  read = parser(None).parse_args
  assert read(["--artefacts=x"]).adaptive_beams == ()
  named = read(["--artefacts=x", "--adaptive-beams=0.5,1,2"])
  assert named.adaptive_beams == (0.5, 1.0, 2.0)
  alone = read(["--artefacts=x", "--adaptive-beams"]).adaptive_beams
  assert alone[-1] == 1.6


def test_a_mesh_is_named_by_its_axes():
  assert _mesh("data=2,model=4") == {"data": 2, "model": 4}
  for text in ("fsdp=2", "4", "model=two"):
    with pytest.raises(ValueError):  # noqa: PT011
      _mesh(text)


def test_tokens_come_from_files_the_environment_or_the_line(
  monkeypatch, tmp_path
):
  full, read = tmp_path / "full", tmp_path / "read"
  full.write_text("schl\u00fcssel\n", "utf-8")
  read.write_text("lese\n")
  flags = parser(None).parse_args

  def found(*given: str) -> tuple[str, str]:
    return tokens(flags(["--artefacts=x", *given]))

  assert found() == ("", "")
  monkeypatch.setenv("GR_JAX_TOKEN", "a")
  monkeypatch.setenv("GR_JAX_READ_TOKEN", "b")
  assert found() == ("a", "b")
  files = f"--token-file={full}", f"--read-token-file={read}"
  assert found(*files) == ("schl\u00fcssel", "lese")
  assert found("--token=c") == ("c", "b")


@pytest.mark.parametrize("content", [b"", b" \n", b"\xff"])
def test_a_file_without_a_token_is_refused(tmp_path, content):
  path = tmp_path / "token"
  path.write_bytes(content)
  flags = parser(None).parse_args(["--artefacts=x", f"--token-file={path}"])
  with pytest.raises(ValueError, match="holds no token"):
    tokens(flags)


def test_names_and_origins_may_be_repeated():
  flags = parser(None).parse_args(
    ["--artefacts=x", "--allowed-host=a", "--allowed-host=b", "--insecure"]
  )
  assert (flags.allowed_host, flags.cors_origin) == (["a", "b"], [])
  assert flags.insecure
