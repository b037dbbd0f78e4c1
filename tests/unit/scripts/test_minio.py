"""scripts/minio.sh finds MinIO by its variable or in the cache, or builds it once. Go is replaced by a stub."""

import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent.parent
TOOLS = "/usr/bin:/bin"

GO = """#!/bin/sh
[ "$1" != env ] || { echo go1.99.0; exit; }
echo "$@" >> "$HOME/calls"
[ ! -e "$HOME/broken" ] || { echo "no module"; exit 1; }
mkdir -p "$GOBIN"
printf '#!/bin/sh\\n' > "$GOBIN/minio"
chmod +x "$GOBIN/minio"
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "bin").mkdir()
    return tmp_path


def with_go(home: Path) -> None:
    go = home / "bin" / "go"
    go.write_text(GO)
    go.chmod(0o755)


def run(home: Path, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [str(ROOT / "scripts" / "minio.sh")],
        check=False,
        capture_output=True,
        text=True,
        env={"PATH": f"{home / 'bin'}:{TOOLS}", "HOME": str(home), **environment},
    )


def calls(home: Path) -> list[str]:
    return (home / "calls").read_text().splitlines()


def test_builds_the_pinned_version_once(home: Path) -> None:
    with_go(home)
    first, second = run(home), run(home)
    version = first.stdout.strip().rpartition("minio-")[2]
    assert calls(home) == [f"install github.com/minio/minio@{version}"]
    assert first.stdout == second.stdout
    built = Path(first.stdout.strip())
    assert built.parent == home / ".cache" / "processing-emulator" / "bin"
    assert os.access(built, os.X_OK)
    assert sorted(path.name for path in built.parent.iterdir()) == [built.name, f"{built.name}.lock"]


def test_concurrent_calls_build_once(home: Path) -> None:
    with_go(home)
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda _: run(home).stdout, range(4)))
    assert len(set(found)) == 1
    assert len(calls(home)) == 1


def test_uses_the_binary_named_by_the_variable(home: Path) -> None:
    own = home / "own-minio"
    own.touch(mode=0o755)
    assert run(home, PROCESSING_EMULATOR_TEST_MINIO=str(own)).stdout == f"{own}\n"


def test_reports_a_variable_that_names_no_executable(home: Path) -> None:
    done = run(home, PROCESSING_EMULATOR_TEST_MINIO="/nowhere/minio")
    assert done.returncode != 0
    assert done.stderr == "minio.sh: PROCESSING_EMULATOR_TEST_MINIO is not an executable file: /nowhere/minio\n"


def test_reports_that_go_cannot_be_downloaded(home: Path) -> None:
    (home / "bin" / "go").write_text("#!/bin/sh\necho go1.1\n")  # too old
    (home / "bin" / "go").chmod(0o755)
    uv = home / "bin" / "uv"
    uv.write_text('#!/bin/sh\n[ "$1" = --version ] && echo "uv 99.0.0"\n')
    uv.chmod(0o755)
    done = run(home)
    assert done.returncode != 0
    assert "cannot download Go" in done.stderr
    assert done.stderr.splitlines()[-1].startswith("minio.sh: MinIO could not be built")
    assert not (home / "calls").exists()


def test_failed_build_prints_its_last_lines_and_leaves_no_binary(home: Path) -> None:
    with_go(home)
    (home / "broken").touch()
    done = run(home)
    assert done.returncode != 0
    assert "no module" in done.stderr
    assert "could not be built" in done.stderr
    assert done.stdout == ""
    (home / "broken").unlink()
    assert run(home).returncode == 0
