"""What `/_emulator/cache` shows."""

from datetime import UTC, datetime

from processing_emulator.engine.object_cache import CacheState


def cache_document(state: CacheState) -> dict[str, object]:
    """JSON values. `usedBytes` are those of jobs that run, `hits` and `hitBytes` those since the server was started."""
    oldest = None if state.oldest_use is None else datetime.fromtimestamp(state.oldest_use, UTC)
    return {
        "entries": state.entries,
        "bytes": state.size_bytes,
        "usedBytes": state.used_bytes,
        "limitBytes": state.limit_bytes,
        "hits": state.hits,
        "hitBytes": state.hit_bytes,
        "oldestUse": None if oldest is None else oldest.isoformat(timespec="seconds"),
    }
