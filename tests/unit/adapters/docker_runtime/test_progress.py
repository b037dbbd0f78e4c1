"""Progress lines of a pull."""

from typing import Any

from processing_emulator.adapters.docker_runtime.progress import PAUSE_SECONDS, PullProgress


class Hands:
    """A clock that the test advances."""

    def __init__(self) -> None:
        self.at = 0.0

    def __call__(self) -> float:
        return self.at


def layer(layer_id: str, status: str, current: int = 0, total: int = 0) -> dict[str, Any]:
    return {"id": layer_id, "status": status, "progressDetail": {"current": current, "total": total} if total else {}}


def test_progress_lines_are_rate_limited() -> None:
    clock = Hands()
    progress = PullProgress("pulling x", clock)

    assert progress.after(layer("a", "Pulling fs layer")) == "pulling x"
    clock.at = PAUSE_SECONDS - 0.1
    assert progress.after(layer("a", "Pull complete")) == "pulling x"
    clock.at = PAUSE_SECONDS
    assert progress.after(layer("b", "Waiting")) == "1 of 2 layers"


def test_bytes_are_summed_over_layers() -> None:
    clock = Hands()
    progress = PullProgress("pulling x", clock)
    progress.after(layer("a", "Downloading", 1_000_000, 4_000_000))
    progress.after(layer("b", "Downloading", 500_000, 1_000_000))
    progress.after(layer("a", "Download complete"))
    clock.at = PAUSE_SECONDS

    assert progress.after(layer("b", "Downloading", 750_000, 1_000_000)) == "0 of 2 layers, 4.8 of 5.0 MB fetched"


def test_events_without_a_layer_are_ignored() -> None:
    clock = Hands()
    progress = PullProgress("pulling x", clock)
    clock.at = PAUSE_SECONDS

    assert progress.after({"status": "Pulling from library/x", "id": "latest"}) == "pulling x"
    assert progress.after({"status": "Digest: sha256:abc"}) == "pulling x"
