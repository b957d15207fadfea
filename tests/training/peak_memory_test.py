import subprocess
import sys

SCRIPT = """
import jax.numpy as jnp
from gr_jax.training.peak_memory import peak_memory
jnp.ones(1).block_until_ready()
before = peak_memory()
array = jnp.ones(1 << 26).block_until_ready()
during = peak_memory()
del array
print(before, during, peak_memory())
"""
SIZE = 1 << 28


def test_the_peak_rises_by_the_size_of_an_array_and_never_falls():
  # A process starts with the peak of the one that started it: a shell's here.
  shell = 'python=$1; "$python" -c "$2"; exit $?'
  done = subprocess.run(
    ["sh", "-c", shell, "sh", sys.executable, SCRIPT],
    capture_output=True,
    text=True,
    check=True,
  )
  before, during, after = map(int, done.stdout.split())
  assert 0.8 * SIZE < during - before < 1.5 * SIZE
  assert during > SIZE
  assert after >= during
