"""A shop of sixty items, its log, and the artefacts of a tiny run on them."""

import contextlib
import importlib.util
import pathlib

from tests.reference import small_run
from tests.reference.alone import alone

BRANDS = "Ærø", "Bo & Co", ""
COLORS, THINGS = ("red", "green", "blue"), ("cup", "plate")
ITEMS = [
  "item_id,text,category,value,brand",
  *(
    f"B{i},{COLORS[i % 3]} {THINGS[i % 2]} {i},"
    f"KITCHEN > {THINGS[i % 2].upper()}S,{1 + i % 7},{BRANDS[i % 3]}"
    for i in range(60)
  ),
]
EVENTS = [
  "user_id,item_id,time,event,query",
  *(
    f"u{user},B{(7 * user + 3 * step) % 60},"
    f"2024-05-{1 + step:02d} {user % 24:02d}:00:00,"
    f"{'purchase' if step % 2 else 'click'},"
    f"{THINGS[user % 2] if step % 3 else ''}"
    for user in range(20)
    for step in range(20)
  ),
]
FEW = (
  "--config.generator.loop.steps=20",
  "--config.generator.loop.checkpoint_every=20",
  "--config.generator.prompt.history=6",
  "--config.generator.prompt.user_buckets=16",
  "--config.tokenizer.vae.levels=(8,8)",
)


def make(workdir: pathlib.Path, *flags: str) -> None:
  """Runs `gr_jax.main` on the shop unless it did already; safe to race."""
  workdir.mkdir(parents=True, exist_ok=True)
  with alone(workdir / "lock"):
    if not (workdir / "run" / "report.html").exists():
      _make(workdir, *flags)


def data(workdir: pathlib.Path) -> pathlib.Path:
  """Imports the shop; returns the folder of its data."""
  tool = _import_tool()
  for name, lines in (("items", ITEMS), ("events", EVENTS)):
    (workdir / f"{name}.csv").write_text("\n".join(lines) + "\n")
  output = workdir / "data"
  arguments = [f"--{n}={workdir}/{n}.csv" for n in ("items", "events")]
  arguments += ["--attributes=brand"]
  with contextlib.redirect_stdout(None):
    assert tool.main([*arguments, f"--output={output}"]) == 0
  return output


def _make(workdir: pathlib.Path, *flags: str) -> None:
  run = small_run.start(
    "configs/own_data.py:tiny",
    workdir / "run",
    f"--config.data.path={data(workdir)}",
    *FEW,
    *flags,
  )
  output, _ = run.communicate()
  assert run.returncode == 0, output


def _import_tool():
  path = small_run.ROOT / "tools" / "import_data.py"
  spec = importlib.util.spec_from_file_location("import_data", path)
  module = importlib.util.module_from_spec(spec)
  spec.loader.exec_module(module)
  return module
