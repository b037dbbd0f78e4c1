"""The monitoring profile of docker-compose.yml, as Compose reads it; its images are not pulled."""

import json
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def test_the_profile_adds_prometheus_and_grafana_with_files_that_are_there() -> None:
    command = [str(ROOT / "scripts" / "compose.sh"), "--profile", "monitoring", "config", "--format", "json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=120)
    services = json.loads(done.stdout)["services"]

    assert set(services) == {"emulator", "minio", "prometheus", "grafana"}
    mounted = [
        Path(volume["source"])
        for name in ("prometheus", "grafana")
        for volume in services[name]["volumes"]
        if volume["type"] == "bind"
    ]
    assert len(mounted) == 3
    assert all(path.exists() for path in mounted)
    assert all(":" in services[name]["image"] for name in ("prometheus", "grafana"))
