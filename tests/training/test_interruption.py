"""Signals during training: the first one is a request, the second one ends the process, and handlers are restored."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from lfw_jax.training.interruption import Interruption

ENDINGS = {signal.SIGINT: KeyboardInterrupt, signal.SIGTERM: SystemExit}


@pytest.fixture(autouse=True)
def _python_s_own_handlers() -> Iterator[None]:
    """Receive signals as in a terminal: a process in the background of a script starts with SIGINT ignored."""
    former = {
        number: signal.signal(number, handler)
        for number, handler in ((signal.SIGINT, signal.default_int_handler), (signal.SIGTERM, signal.SIG_DFL))
    }
    yield
    for number, handler in former.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", ENDINGS)
def test_a_signal_after_the_first_step_is_a_request_and_handlers_are_restored(number: signal.Signals, capfd):
    before = {each: signal.getsignal(each) for each in ENDINGS}
    with Interruption() as interruption:
        assert not interruption.requested()
        interruption.end()  # nothing to do
        os.kill(os.getpid(), number)
        assert interruption.requested()
        with pytest.raises(ENDINGS[number]) as ending:
            interruption.end()
    assert {each: signal.getsignal(each) for each in ENDINGS} == before
    assert "a second signal stops at once" in capfd.readouterr().err
    assert number == signal.SIGINT or ending.value.code == 143


@pytest.mark.parametrize("number", ENDINGS)
def test_a_signal_before_the_first_step_ends_the_block(number: signal.Signals):
    before = signal.getsignal(number)
    with pytest.raises(ENDINGS[number]), Interruption():
        signal.raise_signal(number)
    assert signal.getsignal(number) is before


def test_a_second_signal_ends_the_process_at_once():
    program = """if True:
        import os, signal
        from lfw_jax.training.interruption import Interruption
        signal.signal(signal.SIGINT, signal.default_int_handler)
        with Interruption() as interruption:
            interruption.requested()
            for _ in range(2):
                os.kill(os.getpid(), signal.SIGINT)
                interruption.requested()
            print("not at once")
    """
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (130, "")
    assert "Traceback" not in done.stderr


def test_other_threads_and_ignored_signals_are_left_alone():
    outcomes = []

    def work():
        with Interruption() as interruption:
            outcomes.append(interruption.requested())
            interruption.end()

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert outcomes == [False]
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # as `nohup` and `&` in a script do
    try:
        with Interruption():
            assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
