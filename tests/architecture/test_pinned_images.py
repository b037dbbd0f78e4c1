"""Docker images are pinned by digest, and files that repeat a reference agree."""

import re
from pathlib import Path

from containers.store import pinned_reference
from processing_emulator.domain.stand_ins import PYTHON
from processing_emulator.images.base import BASES

ROOT = Path(__file__).resolve().parent.parent.parent


def test_server_image_has_the_same_base_as_the_others() -> None:
    arguments = re.findall(r"^ARG BASE=(\S+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert arguments == [BASES[PYTHON.name].upstream_reference()]


def test_compose_pins_what_a_job_depends_on_by_digest_and_the_rest_by_version() -> None:
    images = re.findall(r"^\s*image: \$\{\w+:-(\S+)\}$", (ROOT / "docker-compose.yml").read_text(), re.MULTILINE)
    assert images[:2] == ["processing-emulator/emulator:local", pinned_reference()]
    assert [re.sub(r"\d+", "N", image) for image in images[2:]] == [
        "docker.io/prom/prometheus:vN.N.N",
        "docker.io/grafana/grafana:N.N.N",
    ]
    assert len(re.findall(r"^\s*image:", (ROOT / "docker-compose.yml").read_text(), re.MULTILINE)) == len(images)


def test_server_image_has_no_label_of_job_containers() -> None:
    instructions = re.sub(r"^#.*$", "", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE)
    assert "LABEL" in instructions
    assert re.findall(r"(?:LABEL|\\\n)\s+processing-emulator[.\w]*=", instructions) == []
