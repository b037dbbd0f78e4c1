"""PyTorch's wheels come from an index that the user names; where there is none, the failure says which."""

import threading
import zipfile
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from processing_emulator.images.folder import recipes_folder
from processing_emulator.images.packages import PackagesUnavailable, install_torch

REQUIREMENTS = recipes_folder() / "pytorch" / "torch.txt"
WHEEL = "torch-2.6.0+cpu-cp311-cp311-linux_x86_64.whl"


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@pytest.fixture
def index(tmp_path: Path) -> Iterator[str]:
    """An index on loopback with one small wheel, named as PyTorch names those for CPUs."""
    folder = tmp_path / "index" / "torch"
    folder.mkdir(parents=True)
    info = "torch-2.6.0+cpu.dist-info"
    with zipfile.ZipFile(folder / WHEEL, "w") as wheel:
        wheel.writestr("torch/__init__.py", "__version__ = '2.6.0+cpu'\n")
        wheel.writestr(
            f"{info}/METADATA",
            "Metadata-Version: 2.1\nName: torch\nVersion: 2.6.0+cpu\nRequires-Dist: sympy==1.13.1\n",
        )
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: cp311-cp311-linux_x86_64\n")
        wheel.writestr(f"{info}/RECORD", f"torch/__init__.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n")
    (folder / "index.html").write_text(f'<a href="{WHEEL.replace("+", "%2B")}">{WHEEL}</a>')
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path / "index")))
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/"
    server.shutdown()
    server.server_close()


def test_wheels_for_cpus_come_from_the_index_of_the_user(
    index: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_INDEX", index)
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))  # uv would keep this wheel for others

    install_torch(REQUIREMENTS, tmp_path / "packages", "x86_64")

    assert (tmp_path / "packages" / "torch" / "__init__.py").read_text() == "__version__ = '2.6.0+cpu'\n"
    assert not (tmp_path / "packages" / "sympy").exists(), "its dependencies are locked in requirements.txt"


def test_an_index_that_does_not_answer_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_INDEX", "http://127.0.0.1:9/")
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")

    with pytest.raises(
        PackagesUnavailable,
        match=r"(?s)uv cannot get the packages; an index of your own is named by TORCH_INDEX.*127\.0\.0\.1:9/torch",
    ):
        install_torch(REQUIREMENTS, tmp_path / "packages", "x86_64")
