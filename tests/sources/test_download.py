import gzip
import hashlib
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from deepen.core.words import Problem
from deepen.sources import _download, _progress
from deepen.sources._download import cache, contents, obtain, places, remembered

BODY = bytes(range(256)) * 4000             # 1 MB
SHA = hashlib.sha256(BODY).hexdigest()


class Server:
    """A mirror that can cut connections, ignore ranges and lie; it remembers every request."""

    def __init__(self):
        self.bodies, self.cuts, self.ranges, self.asked = {}, [], True, []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                wanted = self.headers.get("Range")
                server.asked.append((self.path, wanted))
                body = server.bodies.get(self.path)
                if body is None:
                    return self.send_error(404)
                start = int(wanted.split("=")[1].rstrip("-")) if wanted and server.ranges else 0
                if start >= len(body):
                    return self.send_error(416)
                self.send_response(206 if start else 200)
                self.send_header("Content-Length", str(len(body) - start))
                self.end_headers()
                rest = body[start:]
                self.wfile.write(rest[:server.cuts.pop(0)] if server.cuts else rest)

            def log_message(self, *words):
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_address[1]}/"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def server():
    made = Server()
    yield made
    made.close()


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("DEEPEN_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("DEEPEN_DATA", raising=False)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    return tmp_path


def closed_port():
    with socket.socket() as place:
        place.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{place.getsockname()[1]}/"


def fetched(server, **more):
    return obtain("set", {"a.bin": SHA}, [server.address], **more)[0]


def kept(home):
    return sorted(path.name for path in (home / "cache" / "set").iterdir() if path.name != ".lock")


def test_a_file_is_downloaded_once(server, home):
    server.bodies["/a.bin"] = BODY
    path = fetched(server)
    assert path == home / "cache" / "set" / "a.bin" and path.read_bytes() == BODY
    assert fetched(server) == path and len(server.asked) == 1
    assert kept(home) == ["a.bin"]


def test_a_cut_connection_goes_on_by_range(server, home):
    server.bodies["/a.bin"] = BODY
    server.cuts = [300_000, 200_000]
    assert fetched(server).read_bytes() == BODY
    assert server.asked == [("/a.bin", None), ("/a.bin", "bytes=300000-"), ("/a.bin", "bytes=500000-")]


def test_a_download_left_by_another_process_goes_on(server, home):
    server.bodies["/a.bin"] = BODY
    (home / "cache/set").mkdir(parents=True)
    (home / "cache/set/a.bin.part").write_bytes(BODY[:700_000])
    assert fetched(server).read_bytes() == BODY
    assert server.asked == [("/a.bin", "bytes=700000-")]


def test_a_whole_part_needs_nothing_more(server, home):
    server.bodies["/a.bin"] = BODY
    (home / "cache/set").mkdir(parents=True)
    (home / "cache/set/a.bin.part").write_bytes(BODY)
    assert fetched(server).read_bytes() == BODY and kept(home) == ["a.bin"]


def test_a_wrong_beginning_is_thrown_away(server, home):
    server.bodies["/a.bin"] = BODY
    (home / "cache/set").mkdir(parents=True)
    (home / "cache/set/a.bin.part").write_bytes(b"?" * 700_000)
    assert fetched(server).read_bytes() == BODY
    assert server.asked == [("/a.bin", "bytes=700000-"), ("/a.bin", None)]


def test_a_server_without_ranges_starts_again(server, home):
    server.bodies["/a.bin"], server.ranges = BODY, False
    (home / "cache/set").mkdir(parents=True)
    (home / "cache/set/a.bin.part").write_bytes(BODY[:100])
    assert fetched(server).read_bytes() == BODY


def test_a_server_that_always_cuts_is_given_up(server):
    server.bodies["/a.bin"], server.ranges, server.cuts = BODY, False, [1000] * 50
    with pytest.raises(Problem, match="the connection was cut"):
        fetched(server)
    assert len(server.asked) < 5


def test_a_wrong_hash_is_refused_and_nothing_is_kept(server, home):
    server.bodies["/a.bin"] = BODY[:-1] + b"?"
    with pytest.raises(Problem, match="what came has a wrong SHA-256"):
        fetched(server)
    assert kept(home) == []


def test_the_next_mirror_is_asked(server, home):
    bad, good = Server(), server
    bad.bodies["/a.bin"], good.bodies["/a.bin"] = b"not this", BODY
    try:
        mirrors = [closed_port(), good.address + "lost/", bad.address, good.address]
        assert obtain("set", {"a.bin": SHA}, mirrors)[0].read_bytes() == BODY
    finally:
        bad.close()
    assert len(bad.asked) == 1


def test_a_second_mirror_goes_on_where_the_first_stopped(server, home):
    first, second = Server(), server
    first.bodies["/a.bin"], first.cuts = BODY, [400_000, 0]
    second.bodies["/a.bin"] = BODY
    try:
        assert obtain("set", {"a.bin": SHA}, [first.address, second.address])[0].read_bytes() == BODY
    finally:
        first.close()
    assert second.asked == [("/a.bin", "bytes=400000-")]


def test_offline_one_sentence_says_what_was_tried_and_where_to_put_the_files(home):
    address = closed_port()
    with pytest.raises(Problem) as caught:
        obtain("set", {"a.gz": SHA, "b.gz": SHA}, [address])
    text = str(caught.value)
    assert "a.gz, b.gz could not be downloaded" in text and f"{address}a.gz: Connection refused" in text
    assert f"put the files into one of these folders, where they were looked for: {home / 'cache' / 'set'}" in text


def test_a_missing_page_is_told_by_its_number(server):
    with pytest.raises(Problem, match="HTTP 404"):
        fetched(server)


def test_a_cache_that_cannot_be_made(home, monkeypatch, server):
    (home / "file").write_text("")
    monkeypatch.setenv("DEEPEN_CACHE", str(home / "file"))
    with pytest.raises(Problem, match=r"cannot be written .*set DEEPEN_CACHE"):
        fetched(server)


def test_own_data_comes_first(home, monkeypatch):
    monkeypatch.setenv("DEEPEN_DATA", str(home / "mine"))
    assert places("set") == [home / "mine" / "set", home / "cache" / "set"]
    for place in places("set"):
        place.mkdir(parents=True)
        (place / "a.bin").write_bytes(BODY)
    assert obtain("set", {"a.bin": SHA}, []) == [home / "mine" / "set" / "a.bin"]


def test_a_run_finds_its_files_again_without_the_variable(home, monkeypatch):
    file = home / "mine" / "set" / "a.bin"
    file.parent.mkdir(parents=True)
    file.write_bytes(BODY)
    monkeypatch.setenv("DEEPEN_DATA", str(home / "mine"))
    with remembered(None) as kept:
        assert obtain("set", {"a.bin": SHA}, []) == [file]
    with remembered(None) as other:
        places("another")
    assert kept == [str(home / "mine")] and other == [], "only what it was needed for is written down"
    monkeypatch.delenv("DEEPEN_DATA")
    with remembered(kept[0]) as again:
        assert obtain("set", {"a.bin": SHA}, []) == [file] and again == kept
    assert places("set") == [home / "cache" / "set"]
    file.unlink()
    with remembered(kept[0]), pytest.raises(Problem) as told:
        obtain("set", {"a.bin": SHA}, [])
    assert f"where they were looked for: {file.parent}, {home / 'cache' / 'set'}" in str(told.value)


def test_the_cache_is_in_the_home_folder_by_default(monkeypatch):
    monkeypatch.delenv("DEEPEN_CACHE")
    monkeypatch.setenv("HOME", "/somewhere")
    assert str(cache()) == "/somewhere/.cache/deepen"


@pytest.mark.parametrize("known", ["packed", "inside"])
def test_packed_files_are_known_by_either_hash(server, home, known):
    packed = gzip.compress(BODY, 1)
    sha = hashlib.sha256(packed if known == "packed" else BODY).hexdigest()
    server.bodies["/a.gz"] = packed
    assert list(contents("set", {"a.gz": sha}, [server.address])) == [BODY]
    assert list(contents("set", {"a.gz": sha}, [])) == [BODY]


def test_a_file_in_place_is_checked_too(home, server):
    (home / "cache/set").mkdir(parents=True)
    (home / "cache/set/a.gz").write_bytes(gzip.compress(b"another set"))
    with pytest.raises(Problem, match=r"a\.gz is not the file it should be .*; remove it and run this again"):
        list(contents("set", {"a.gz": SHA}, [server.address]))
    (home / "cache/set/a.gz").write_bytes(gzip.compress(BODY)[:-300])
    with pytest.raises(Problem, match=r"a\.gz is damaged"):
        list(contents("set", {"a.gz": SHA}, [server.address]))
    assert server.asked == []


def test_many_at_once_download_once(server, home):
    server.bodies["/a.bin"] = BODY
    failed = []

    def run():
        try:
            fetched(server)
        except Exception as error:
            failed.append(error)
    threads = [threading.Thread(target=run) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed and len(server.asked) == 1


def test_progress_is_shown_on_a_terminal_only(server, monkeypatch, capsys):
    server.bodies["/a.bin"] = BODY
    fetched(server)
    assert capsys.readouterr() == ("", "")

    class Terminal:
        text = ""

        def isatty(self):
            return True

        def write(self, words):
            Terminal.text += words

        def flush(self):
            return
    monkeypatch.setattr(_progress.sys, "stderr", Terminal())
    server.bodies["/b.bin"] = BODY
    obtain("set", {"b.bin": SHA}, [server.address])
    assert "downloading b.bin: 1.0 of 1.0 MB" in Terminal.text and Terminal.text.endswith("\x1b[K")


def test_a_full_disk_is_told(server, monkeypatch):
    server.bodies["/a.bin"] = BODY
    if not _download.Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    with pytest.raises(Problem, match=r"cannot be written .*make room"):
        _download._fetch(server.address + "a.bin", _download.Path("/dev/full"))
