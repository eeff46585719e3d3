"""Several virtual CPU devices for every test, so that parallel code is tested on any machine."""

import ctypes
import gc
import os
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest
from hypothesis import settings

os.environ.setdefault("JAX_PLATFORMS", "cpu")
# There is one core per worker: BLAS threads that wait for each other made some tests five times slower. OpenBLAS reads this
# when NumPy is imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
# Tests compile much and run each program a few times on small arrays: cheap compilation halves the time. JAX 0.12 ends
# at once on the last flag, which its XLA does not have any more.
os.environ["XLA_FLAGS"] = " ".join(
    [
        os.environ.get("XLA_FLAGS", ""),
        "--xla_force_host_platform_device_count=4",
        "--xla_backend_optimization_level=0",
        "--xla_llvm_disable_expensive_passes=true",
        "--xla_cpu_parallel_codegen_split_count=1",
        "--xla_cpu_use_fusion_emitters=false" if metadata.version("jax").startswith("0.10.") else "",
    ]
)
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# What one test compiled, the next one (of another worker, too) finds.
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(Path(__file__).parents[1] / ".pytest_cache" / "xla"))
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0.1")

# Compiling takes as long as it takes, and the same examples are drawn on every machine.
settings.register_profile("lfw_jax", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("lfw_jax")


@pytest.fixture(scope="module", autouse=True)
def _forget_compiled_functions() -> Iterator[None]:
    """Free what a file's tests compiled, else a worker holds the programs of all files at once."""
    yield
    import jax  # only now: JAX reads the variables above when it is imported

    jax.clear_caches()
    gc.collect()
    if sys.platform == "linux":
        ctypes.CDLL(None).malloc_trim(0)  # glibc keeps freed memory otherwise


# The real LFW, beside the checkout. It is never part of the project: tests that need it say so and skip without it.
LFW = Path(os.environ.get("LFW_DIR", Path(__file__).parents[2] / "shared" / "lfw"))


@pytest.fixture(scope="session")
def lfw_dir() -> Path:
    if not LFW.is_dir():
        pytest.skip(f"the real LFW is not at {LFW}; set LFW_DIR to a folder of <Name>/<Name>_NNNN.jpg with its lists")
    return LFW
