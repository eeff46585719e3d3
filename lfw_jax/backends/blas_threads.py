"""One thread for small matrices, because waiting BLAS threads are slow on a busy machine."""

import contextlib
from collections.abc import Iterator

_LARGE = 4096


@contextlib.contextmanager
def one_blas_thread(dimension: int) -> Iterator[None]:
    """Run the products and decompositions of small matrices of the block on one thread.

    BLAS threads wait actively for one another at the end of every operation. If other processes use the cores, an eigenvalue
    problem of 400 dimensions takes ten times as long on two threads as on one. With 1,400 dimensions, two threads take 0.6
    times as long on two idle cores, and seven times as long beside two busy processes (`python -m benchmarks.blas_threads`).
    Larger matrices keep their threads.

    Args:
      dimension: size of the matrices; nothing is limited above 4,096.
    """
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1, user_api="blas") if dimension <= _LARGE else contextlib.nullcontext():
        yield
