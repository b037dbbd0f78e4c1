"""Generated keys, and generated output trees: what an attacker or an accident may leave in a bucket or a container."""

import os
import random
import socket
import stat
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

KEY_LIMIT = 1024

PREFIXES = ("in/", "in/", "in/", "in", "in/a", "in//", "")
"""Most often the one for which the model knows what must happen."""

SEGMENTS = (
    *("a", "b", "c", "deep", "..", "..", ".", "", "...", "..a", "a..", "\0", "a\0b", " ", "a b", "-rf", "~", ".hidden"),
    *("x" * 255, "y" * 256, "ü" * 127, "ü" * 128, "ünï", "\u202e", "\ufffd", "😀", "line\nbreak", "tab\t", "\x01"),
    *("$(touch pwned)", "`id`", "..\\..\\x", "%2e%2e", "%2F", "?x=1&y", "#", "+", "CON", ".~0011223344556677", "*"),
)

FILE_NAMES = (
    *(b"f", b"g", b"h", b"-rf", b"a b", b"line\nbreak", b"x" * 255, b"ue\xc3\xbc", b"not-\xff-utf8", b"...", b"..a"),
    *(b".hidden", b"a\\b", b"%2e%2e", b"*", b"$(id)", b"?", b"#", b"+", b"\x01", b"~"),
)


def keys_of(chance: random.Random, outside: Path) -> dict[str, bytes]:
    """Objects by key. Half of the buckets have only keys that can be staged, so that not all jobs fail."""
    is_tame = chance.random() < 0.5
    found: dict[str, bytes] = {}
    for number in range(chance.randint(1, 12)):
        key = _key(chance, sorted(found), outside, is_tame=is_tame)
        if len(key.encode()) <= KEY_LIMIT:
            found[key] = b"" if key.endswith("/") or chance.random() < 0.1 else f"content {number}".encode()
    return found


def _key(chance: random.Random, earlier: list[str], outside: Path, *, is_tame: bool) -> str:
    if is_tame:
        name = "/".join(chance.choice(("d", "e", "ünï", "a b", "..a")) for _ in range(chance.randint(0, 3)))
        return f"in/{name}/{chance.randrange(10**6)}".replace("//", "/")
    kind = chance.random()
    if earlier and kind < 0.15:
        return chance.choice(earlier) + chance.choice(("/x", "/", "x", "//"))
    if kind < 0.25:
        return f"in/{outside}/planted"
    if kind < 0.35:
        return "in/" + "../" * chance.randint(1, 9) + chance.choice(("outside/planted", "planted", "etc/x"))
    segments = [chance.choice(SEGMENTS) for _ in range(chance.randint(1, 7))]
    return chance.choice(("in/", "in/", "in", "", "/")) + "/".join(segments) + chance.choice(("", "", "", "/"))


def expected_files(keys: dict[str, bytes]) -> dict[str, bytes] | None:
    """Files by path for the prefix `in/`; None when the job must fail. A model, apart from the code under test."""
    files: dict[str, bytes] = {}
    folders: set[str] = set()
    listed = {key: body for key, body in keys.items() if key.startswith("in/")}
    for key, body in listed.items():
        parts = [part for part in key[3:].split("/") if part]
        if any(part in (".", "..") or "\0" in part or len(part.encode()) > 255 for part in parts):
            return None
        path = "/".join(parts)
        depth = len(parts) if key.endswith("/") else len(parts) - 1
        folders |= {"/".join(parts[: count + 1]) for count in range(depth)}
        if key.endswith("/"):
            continue
        if path in files:
            return None
        files[path] = body
    if not listed or folders & set(files):
        return None
    return files


class OutputTree:
    """Files, links and specials in an output folder; links lead to `outside`, whose content must stay where it is."""

    def __init__(self, chance: random.Random, root: Path, outside: Path) -> None:
        self._chance = chance
        self._root = root
        self._outside = outside
        self.files: dict[str, bytes] = {}
        """The regular files by path."""

    def grow(self) -> None:
        """Make it."""
        folders = [self._root]
        for number in range(self._chance.randint(0, 25)):
            path = self._chance.choice(folders) / os.fsdecode(self._chance.choice(FILE_NAMES))
            with suppress(FileExistsError):
                self._grow_one(path, folders, b"output %d" % number)

    def _grow_one(self, path: Path, folders: list[Path], body: bytes) -> None:
        match self._chance.randrange(12):
            case 0 | 1 | 2:
                path.mkdir()
                folders.append(path)
            case 3:
                path.symlink_to(self._chance.choice((self._outside, self._outside / "secret")))
            case 4 | 5:
                path.symlink_to(self._chance.choice(("/etc/passwd", "nowhere", ".", "..", "/proc/self/environ")))
            case 6:
                os.mkfifo(path)
            case 7:
                _make_special(path)
            case 8 if self.files:
                source = self._chance.choice(sorted(self.files))
                path.hardlink_to(self._root / source)
                self._note(path, self.files[source])
            case _:
                with path.open("xb") as file:
                    file.write(body)
                self._note(path, body)

    def _note(self, path: Path, body: bytes) -> None:
        self.files[str(path.relative_to(self._root))] = body

    def expected_uploads(self) -> dict[str, bytes] | None:
        """Bodies by key; None when the job must fail."""
        try:
            sizes = [len(f"out/{path}".encode()) for path in self.files]
        except UnicodeEncodeError:
            return None
        return None if max(sizes, default=0) > KEY_LIMIT else {f"out/{path}": body for path, body in self.files.items()}

    def iter_swaps(self) -> Iterator[None]:
        """Put links to the outside in the place of folders and files, and take them away; one step at a time."""
        entries = [
            path for path in self._root.rglob("*") if not path.is_symlink() and len(os.fsencode(path.name)) < 255
        ]
        for _ in range(200 if entries else 0):
            path = self._chance.choice(entries)
            aside = path.with_name(f"{path.name}~")
            with suppress(OSError):
                target = self._outside if path.is_dir() else self._outside / "secret"
                path.rename(aside)
                path.symlink_to(target)
                yield
                path.unlink()
                aside.rename(path)
            yield


def _make_special(path: Path) -> None:
    """A device where that is allowed, or a socket, whose path must be short."""
    if os.geteuid() == 0:
        os.mknod(path, 0o666 | stat.S_IFCHR, os.makedev(1, 5))  # /dev/zero
    elif len(os.fsencode(path)) < 100:
        with closing(socket.socket(socket.AF_UNIX)) as made:
            made.bind(str(path))


def snapshot(folder: Path) -> dict[str, tuple[int, int, bytes]]:
    """Everything below a folder: mode, time and content."""
    found = {}
    for path in (folder, *sorted(folder.rglob("*"))):
        state = path.lstat()
        content = path.read_bytes() if stat.S_ISREG(state.st_mode) else b""
        found[str(path)] = (state.st_mode, state.st_mtime_ns, content)
    return found
