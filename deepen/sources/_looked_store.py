"""What was seen in picture files, remembered in the user's cache folder: SQLite, one row a content, one row a place."""
import sqlite3
import threading
import zlib
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import numpy as np

from deepen.core.words import say
from deepen.sources._download import cache

VERSION = 2                 # to be raised when what is written into a record changes its meaning
KEPT = 2_000_000            # contents remembered, about 1 GB; the oldest go first
Seen = tuple[bytes, bytes, str]         # hash of the bytes, record, problem as JSON


class Store:
    """The memory of `look`. It may always be thrown away: what is damaged is built again, what cannot be written is
    done without, and `said` tells which."""

    def __init__(self, record: np.dtype):
        from PIL import __version__ as decoder
        self.said: list[str] = []
        self.length = record.itemsize
        self.version = zlib.crc32(f"{VERSION} {decoder} {record.descr}".encode()) >> 1      # SQLite keeps it in 31 bits
        self.path = cache() / "pictures.sqlite"
        self.lock = threading.Lock()
        self.places: list[tuple[bytes, bytes]] = []
        self.seen: list[Seen] = []
        self.base: sqlite3.Connection | None = None
        self._open(again=True)

    def recall(self, places: Sequence[bytes]) -> dict[bytes, Seen]:
        """place -> what was seen there, for the places that are known."""
        found: dict[bytes, Seen] = {}
        for start in range(0, len(places), 500):
            some = places[start:start + 500]
            rows = self._ask("select place, hash, record, problem from places join seen using (id) where place in "
                             f"({','.join('?' * len(some))})", some)
            found.update((row[0], tuple(row[1:])) for row in rows)
        return found

    def find(self, key: bytes) -> Seen | None:
        """What was seen in a file with this hash."""
        rows = self._ask("select hash, record, problem from seen where hash = ?", (key,))
        return rows[0] if rows else None

    def remember(self, place: bytes, key: bytes, record: bytes, problem: str) -> None:
        self.seen.append((key, record, problem))
        if place:
            self.places.append((place, key))
        if len(self.seen) >= 1000:
            self._write()

    def close(self) -> None:
        self._write()
        if self.base:
            self.base.close()
            self.base = None

    def _open(self, again: bool) -> None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.base = sqlite3.connect(self.path, timeout=10, check_same_thread=False)
            self.base.execute("pragma journal_mode=wal")
            self.base.execute("pragma mmap_size=2000000000")
            self.base.execute("pragma synchronous=off")             # a crash of the machine costs the memory, no picture
            if self.base.execute("pragma user_version").fetchone()[0] != self.version:
                with self.base:
                    self.base.execute("drop table if exists seen")
                    self.base.execute("drop table if exists places")
                    self.base.execute("create table seen (id integer primary key, hash blob unique, record blob, problem text)")
                    self.base.execute("create table places (place blob primary key, id integer) without rowid")
                    self.base.execute(f"pragma user_version={self.version}")
        except (sqlite3.Error, OSError) as error:
            self._give_up(error, again)

    def _give_up(self, error: Exception, again: bool) -> None:
        """A damaged memory is removed and begun again; one that cannot be written is done without. Each is said once."""
        if self.base:
            self.base.close()
            self.base = None
        damaged = isinstance(error, sqlite3.DatabaseError | TypeError) and not isinstance(error, sqlite3.OperationalError)
        if damaged and again:
            self.said.append(say("what was remembered of pictures in {path} was damaged and is built again", path=self.path))
            for path in (self.path, Path(f"{self.path}-wal"), Path(f"{self.path}-shm")):
                path.unlink(missing_ok=True)
            self._open(again=False)
        else:
            self.said.append(say("what is seen in pictures cannot be remembered in {path} ({reason}), so the next look takes "
                                 "as long", path=self.path, reason=getattr(error, "strerror", None) or error))

    def _ask(self, question: str, values: Sequence[bytes]) -> list:
        with self.lock:
            if self.base is None or not values:
                return []
            try:
                rows = self.base.execute(question, values).fetchall()
                if {len(row[-2]) for row in rows} <= {0, self.length}:
                    return rows
                raise sqlite3.DatabaseError("a record has another length")
            except (sqlite3.Error, TypeError) as error:
                self._give_up(error, again=True)
                return []

    def _write(self) -> None:
        seen, places, self.seen, self.places = self.seen, self.places, [], []
        with self.lock:
            if self.base is None or not seen:
                return
            try:
                with self.base, closing(self.base.cursor()) as cursor:
                    cursor.executemany("insert or ignore into seen (hash, record, problem) values (?, ?, ?)", seen)
                    cursor.executemany("insert or replace into places select ?, id from seen where hash = ?", places)
                    for table in ("seen", "places"):
                        cursor.execute(f"delete from {table} where id <= (select max(id) from seen) - ?", (KEPT,))
            except sqlite3.Error as error:
                self._give_up(error, again=True)
