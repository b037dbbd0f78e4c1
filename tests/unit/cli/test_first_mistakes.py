"""What beginners mistype, and what they read then."""

import threading
from collections.abc import Iterator
from http.server import HTTPServer, SimpleHTTPRequestHandler

import pytest
from click.testing import CliRunner

from processing_emulator.cli.main import main


@pytest.fixture
def other_program() -> Iterator[str]:
    """The URL of a web server that is no emulator."""
    server = HTTPServer(("127.0.0.1", 0), SimpleHTTPRequestHandler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def said_by(*arguments: str, code: int) -> str:
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == code, result.output
    return result.output.splitlines()[-1]


@pytest.mark.parametrize(
    "arguments",
    [
        ("ps",),
        ("status",),
        ("cancel", "job"),
        ("run", "image", "true"),
        ("run", "--in", "pyproject.toml", "image", "true"),
    ],
)
def test_another_program_at_the_address_is_named_as_such(arguments: tuple[str, ...], other_program: str) -> None:
    said = said_by(arguments[0], "--url", other_program, *arguments[1:], code=1)

    assert said.startswith(f"Error: another program answers at {other_program}, not an emulator; ")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("ml.m5.larg", "there is no instance type ml.m5.larg; did you mean ml.m5.large"),
        ("m5.large", "there is no instance type m5.large; did you mean ml.m5.large"),
        ("huge", "there is no instance type huge; they look like ml.m5.large"),
    ],
)
def test_misspelt_instance_type_names_the_nearest(given: str, said: str) -> None:
    assert said in said_by("run", "--instance-type", given, "image", code=2)


def test_options_after_the_image_are_the_commands() -> None:
    closed_url = "http://127.0.0.1:1"
    said = said_by("run", "--url", closed_url, "image", "python3", "-c", "print(1)", code=1)

    assert said == f"Error: no emulator answers at {closed_url}; start one: processing-emulator start -d"


def test_profile_of_the_user_does_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nowhere")

    assert "no emulator answers" in said_by("run", "--url", "http://127.0.0.1:1", "image", code=1)
