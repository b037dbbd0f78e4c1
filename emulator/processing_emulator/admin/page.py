"""The page at `/_emulator/`: health, recent jobs and links, as HTML without scripts or external files."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from urllib.parse import quote, urlencode

Document = Mapping[str, object]
"""JSON values only."""

ENDPOINTS = (
    ("health", "health of everything the server needs"),
    ("config", "effective settings and where each comes from"),
    ("init", "progress of the seed and the init scripts"),
    ("jobs", "all jobs of all accounts and regions, newest first"),
)
"""Paths below this page, and what they answer."""

_STYLE = """
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }
body { max-width: 72rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .3rem 1rem .3rem 0; border-bottom: 1px solid #8884; }
td { overflow-wrap: anywhere; }
code { font-family: ui-monospace, monospace; }
.ok, .Completed { color: #1a7f37; } .down, .degraded, .Failed { color: #c62828; }
@media (prefers-color-scheme: dark) {
  .ok, .Completed { color: #57c773; } .down, .degraded, .Failed { color: #ff8a80; }
}
"""

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Processing Emulator</title>
<style>{style}</style>
</head>
<body>
<h1>Processing Emulator {version}</h1>
<p>Status: {status}. Point clients at this server with <code>eval "$(processing-emulator env)"</code>.</p>
<h2>Health</h2>
{health}
<h2>Recent jobs</h2>
{jobs}
<h2>Endpoints</h2>
{endpoints}
</body>
</html>
"""


def render_page(health: Document, jobs: Sequence[Document] | str) -> str:
    """The page. `health` is the health document; `jobs` are summaries, newest first, or why there are none."""
    return _PAGE.format(
        style=_STYLE,
        version=_text(health["version"]),
        status=_status(health["status"]),
        health=_health(health["services"]),
        jobs=f"<p>{_text(jobs)}</p>" if isinstance(jobs, str) else _jobs(jobs),
        endpoints=_table(("Path", "Content"), ((_link(path, path), _text(content)) for path, content in ENDPOINTS)),
    )


def _health(states: object) -> str:
    if not isinstance(states, Mapping):
        return ""
    rows = ((_text(name), _status(state["status"]), _details(state)) for name, state in states.items())
    return _table(("Part", "Status", "Details"), rows)


def _details(state: Document) -> str:
    if "error" in state:
        return f"{_text(state['error'])}<br>Hint: {_text(state.get('hint', ''))}"
    return ", ".join(f"{_text(name)}: {_text(value)}" for name, value in state.items() if name != "status")


def _jobs(jobs: Sequence[Document]) -> str:
    if not jobs:
        return "<p>None yet.</p>"
    titles = ("Name", "Status", "Phase", "Account and region", "Created", "Ended", "Failure reason", "Log")
    return _table(titles, map(_job, jobs))


def _job(job: Document) -> tuple[str, ...]:
    path = f"jobs/{quote(str(job['name']), safe='')}"
    query = urlencode({"account": job["account"], "region": job["region"]})
    return (
        _link(f"{path}?{query}", job["name"]),
        _status(job["status"]),
        _text(job["phase"]),
        _text(f"{job['account']} {job['region']}"),
        _text(job["createdAt"]),
        _text(job["endedAt"]),
        _text(job["failureReason"]),
        _link(f"{path}/logs?{query}", "log"),
    )


def _table(titles: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """`rows` hold HTML."""
    head = "".join(f'<th scope="col">{_text(title)}</th>' for title in titles)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>\n" for row in rows)
    return f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody>\n</table>"


def _status(value: object) -> str:
    return f'<span class="{_text(value)}">{_text(value)}</span>'


def _link(target: str, text: object) -> str:
    return f'<a href="{_text(target)}">{_text(text)}</a>'


def _text(value: object) -> str:
    return "" if value is None else escape(str(value), quote=True)
