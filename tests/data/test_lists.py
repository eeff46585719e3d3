import functools
import hashlib
import http.server
import socket
import threading

import pooch
import pytest

from lfw_jax.data.protocols import lfw_lists, list_sources
from lfw_jax.errors import UserError

LIST = b"1\nAnn\t1\t2\nAnn\t1\tBob\t1\n"


@pytest.fixture
def archive(tmp_path, monkeypatch):
    """An archive on this machine in place of the real one, and an empty cache; yields its folder."""
    served = tmp_path / "served"
    served.mkdir()
    (served / "pairs.txt").write_bytes(LIST)

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format, *args):
            """Requests are no test output."""

    handler = functools.partial(Handler, directory=str(served))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    address = f"http://127.0.0.1:{server.server_port}/pairs.txt"
    monkeypatch.setattr(list_sources, "SOURCES", {"pairs.txt": (address, hashlib.sha256(LIST).hexdigest())})
    yield served
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """An empty cache, and no waiting between attempts."""
    folder = tmp_path / "cache"
    monkeypatch.setattr(pooch, "os_cache", lambda project: folder / project)
    monkeypatch.setattr("time.sleep", lambda _seconds: None)
    return folder / "lfw_jax"


def test_lists_dir_goes_before_the_data_folder_and_that_before_its_parent(tmp_path):
    data, own = tmp_path / "lfw" / "data", tmp_path / "own"
    expected = []
    for folder in (data, own):
        folder.mkdir(parents=True)
    for folder in (data.parent, data, own):
        (folder / "pairs.txt").write_bytes(LIST)
        expected.append(list_sources.find_list("pairs.txt", data, own))
    assert [path.resolve() for path in expected] == [
        folder.resolve() / "pairs.txt" for folder in (data.parent, data, own)
    ]


def test_a_list_found_nowhere_is_fetched_once_and_then_comes_from_the_cache(archive, cache, tmp_path):
    path = list_sources.find_list("pairs.txt", tmp_path / "empty")
    assert path == cache / "pairs.txt"
    assert len(lfw_lists.read_pairs(path)) == 2
    (archive / "pairs.txt").unlink()
    assert list_sources.find_list("pairs.txt", "") == path


@pytest.mark.usefixtures("archive")
def test_a_cached_list_that_was_changed_is_fetched_again():
    path = list_sources.find_list("pairs.txt", "")
    path.write_bytes(b"1\n")
    assert list_sources.find_list("pairs.txt", "").read_bytes() == LIST


def test_another_file_from_the_archive_is_refused_and_not_kept(archive, cache):
    (archive / "pairs.txt").write_bytes(b"<html>Please come back later</html>")
    with pytest.raises(UserError, match=r"SHA-256 is not [0-9a-f]{64}.*--config\.data\.lists_dir"):
        list_sources.find_list("pairs.txt", "")
    assert not (cache / "pairs.txt").exists()


def test_without_network_the_message_names_the_ways_out(monkeypatch, tmp_path):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{closed.getsockname()[1]}/pairs.txt"
    monkeypatch.setattr(list_sources, "SOURCES", {"pairs.txt": (address, "0" * 64)})
    with pytest.raises(UserError) as refusal:
        list_sources.find_list("pairs.txt", tmp_path / "lfw")
    message = str(refusal.value)
    for words in ("pairs.txt", address, str(tmp_path / "lfw"), "--config.data.dir", "--config.data.lists_dir"):
        assert words in message
    assert "--config=configs/quickstart.py" in message
    assert list_sources.find_list("pairs.txt", tmp_path / "lfw", optional=True) is None


def test_a_list_that_no_archive_has_is_optional_only_where_the_caller_says_so(tmp_path):
    with pytest.raises(UserError, match=r"peopleDevTrain\.txt.*no archive"):
        list_sources.find_list("peopleDevTrain.txt", tmp_path)
    assert list_sources.find_list("peopleDevTrain.txt", tmp_path, optional=True) is None
    (tmp_path / "peopleDevTrain.txt").write_text("1\nAnn\t1\n")
    assert list_sources.find_list("peopleDevTrain.txt", tmp_path, optional=True) == tmp_path / "peopleDevTrain.txt"


def test_a_lists_dir_that_is_no_folder_is_refused_even_for_an_optional_list(tmp_path):
    with pytest.raises(UserError, match=r"--config\.data\.lists_dir.*none"):
        list_sources.find_list("pairs.txt", tmp_path, tmp_path / "none", optional=True)


@pytest.mark.parametrize("name", ["pairsDevTrain.txt", "pairsDevTest.txt"])
def test_the_real_lists_have_the_recorded_hashes(lfw_dir, name):
    path = list_sources.find_list(name, lfw_dir)
    assert path == lfw_dir / name
    assert hashlib.sha256(path.read_bytes()).hexdigest() == list_sources.SOURCES[name][1]
