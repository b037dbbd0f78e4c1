"""Filter patterns, by the examples of the service's page on their syntax."""

import json

import pytest

from processing_emulator.domain.log_filter.pattern import compile_filter
from processing_emulator.errors import ValidationFailed

LINES = [
    "[ERROR 400] BAD REQUEST",
    "[ERROR 401] UNAUTHORIZED REQUEST",
    "[ERROR 419] MISSING ARGUMENTS",
    "[ERROR 420] INVALID ARGUMENTS",
    "[ERROR 500] INTERNAL SERVER ERROR",
    "[INFO 200] SUCCESSFUL REQUEST",
    "[SUCCESS 200] AUTHORIZED REQUEST",
]

TRAIL = json.dumps(
    {
        "eventType": "UpdateTrail",
        "sourceIPAddress": "111.111.111.111",
        "arrayKey": ["value", "another value"],
        "objectList": [{"name": "a", "id": 1}, {"name": "b", "id": 2}],
        "SomeObject": None,
        "cluster.name": "c",
        "ThisFlag": True,
    }
)

METRICS = json.dumps(
    {
        "bandwidth": 80,
        "latency": 20.5,
        "refreshRate": 60,
        "responseTime": 5,
        "errorCode": 400,
        "number": [1e-3, 1e3],
        "detail-type": "x",
    }
)

USERS = json.dumps(
    {
        "user": {"id": 1, "email": "John.Stiles@example.com"},
        "users": [{"id": 2, "email": "John.Doe@example.com"}, {"id": 3, "email": "Jane.Doe@example.com"}],
        "actions": ["GET", "PUT", "DELETE"],
        "coordinates": [[0, 1, 2], [4, 5, 6], [7, 8, 9]],
    }
)

NO = '"nonmatch"'

ACCESS = '127.0.0.1 Prod frank [10/Oct/2000:13:25:15 -0700] "GET /index.html HTTP/1.0" 404 1534'


@pytest.mark.parametrize(
    ("pattern", "numbers"),
    [
        ("", [0, 1, 2, 3, 4, 5, 6]),
        ("ERROR", [0, 1, 2, 3, 4]),
        ("ERROR ARGUMENTS", [2, 3]),
        ("?INFO ?ARGUMENTS", [2, 3, 5]),
        ("?ERROR ?ARGUMENTS REQUEST", [0, 1, 5, 6]),
        ('"INTERNAL SERVER ERROR"', [4]),
        ('"   "', [0, 1, 2, 3, 4, 5, 6]),
        ("ERROR -ARGUMENTS", [0, 1, 4]),
        (" -ERROR", [5, 6]),
        ('ERROR -"BAD REQUEST"', [1, 2, 3, 4]),
        ("error", []),
        ("%AUTHORIZED%", [1, 6]),
        (r"%\[ERROR 4[01]\d\]%", [0, 1, 2]),
        ("%^.INFO|SERVER%", [4, 5]),
    ],
)
def test_terms(pattern: str, numbers: list[int]) -> None:
    matches = compile_filter(pattern)

    assert [number for number, line in enumerate(LINES) if matches(line)] == numbers


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ('{ $.eventType = "UpdateTrail" }', True),
        ("{ $.eventType = UpdateTrail }", True),
        ('{$.eventType="Update*"}', True),
        ('{ $.eventType = "update*" }', False),
        ("{ $.eventType = %Trail% }", True),
        ("{ $.eventType = %^Trail% }", False),
        ("{ $.sourceIPAddress != 123.123.* }", True),
        ("{ $.sourceIPAddress = 111.111.* }", True),
        ('{ $.arrayKey[0] = "value" }', True),
        ('{ $.arrayKey[1] = "value" }', False),
        ("{ $.objectList[1].id = 2 }", True),
        ('{ $.ThisFlag[0] = "value" }', False),
        ("{ $.objectList[1].number = 2 }", False),
        ("{ $.SomeObject IS NULL }", True),
        ("{ $.eventType IS NULL }", False),
        ("{ $.Missing IS NULL }", False),
        ("{ $.SomeOtherObject NOT EXISTS }", True),
        ("{ $.SomeObject NOT EXISTS }", False),
        ("{ $.ThisFlag IS TRUE }", True),
        ("{ $.ThisFlag IS FALSE }", False),
        ("{ $.ThisFlag = true }", True),
        ("{ $.['cluster.name'] = \"c\" }", True),
        ('{ $["cluster.name"] = "c" }', True),
        ('{ $.eventType = "*" && $.sourceIPAddress != 123.123.* }', True),
        ('{ $.objectList = "*" }', True),
        ('{ $.SomeObject = "*" }', False),
        ('{ $.Missing != "x" }', False),
    ],
)
def test_properties_of_json(pattern: str, expected: bool) -> None:
    assert compile_filter(pattern)(TRAIL) is expected


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("{ $.bandwidth > 75 }", True),
        ("{ $.latency < 50 }", True),
        ("{ $.refreshRate >= 60 }", True),
        ("{ $.responseTime <= 5 }", True),
        ("{ $.errorCode = 400}", True),
        ("{ $.errorCode = 4e2}", True),
        ("{ $.errorCode = 4*}", True),
        ("{ $.errorCode != 500 }", True),
        ("{ $.number[0] = 1e-3 }", True),
        ("{ $.number[0] != 1e+3 }", True),
        ("{ $.bandwidth > 80 }", False),
        ('{ $.detail-type = "x" }', True),
        ("{ $.detail-type > 1 }", False),
    ],
)
def test_numbers_of_json(pattern: str, expected: bool) -> None:
    assert compile_filter(pattern)(METRICS) is expected


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ('{ ($.user.id = 1) && ($.users[0].email = "John.Doe@example.com") }', True),
        (
            f'{{ $.user.email = "John.Stiles@example.com" || $.coordinates[0][1] = {NO} && $.actions[2] = {NO} }}',
            True,
        ),
        (
            f'{{ ($.user.email = "John.Stiles@example.com" || $.coordinates[0][1] = {NO}) && $.actions[2] = {NO} }}',
            False,
        ),
        ('{ ($.user.id = 2 && $.users[0].email = "nonmatch") || $.actions[2] = "GET" }', False),
        ("{ $.coordinates[1][2] = 6 }", True),
    ],
)
def test_compound_expressions(pattern: str, expected: bool) -> None:
    assert compile_filter(pattern)(USERS) is expected


@pytest.mark.parametrize("message", ["", "eventType", "{", '{"a": 1', 'INFO {"eventType": "x"}', "[" * 100_000, "[1]"])
def test_a_message_that_is_no_object_matches_no_property(message: str) -> None:
    assert not compile_filter("{ $.eventType = * }")(message)


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("[ip, user, username, timestamp, request =*.html*, status_code = 4*, bytes]", True),
        ("[..., request =*.html*, status_code = 4*, bytes]", True),
        ("[ip, ..., status_code = 4*, bytes]", True),
        ("[ip=127.0.0.1, ...]", True),
        ("[ip, user, username, timestamp, request =*.html*, status_code = 404 || status_code = 410, bytes]", True),
        ("[ip, user, username, timestamp, request, status_code != 404, bytes]", False),
        ("[ip, server, username, timestamp, request, status_code, bytes > 1000]", True),
        ("[ip, server, username, timestamp, request, status_code, bytes > 1000 && bytes < 1500]", False),
        ('[ip, server, username = frank, timestamp = "10/Oct*", ...]', True),
        (r"[ip = %127\.0\.0\.[1-9]%, server, ...]", True),
        ("[a, b, c, d, e, f, g, h]", False),
        ("[, user = Prod, ...]", True),
    ],
)
def test_words(pattern: str, expected: bool) -> None:
    assert compile_filter(pattern)(ACCESS) is expected


@pytest.mark.parametrize(
    ("pattern", "first_words"),
    [
        ("[w1=ERROR, w2]", ["ERROR"]),
        ("[w1=ERROR || W1=WARNING, w2]", ["ERROR", "WARNING"]),
        ("[w1!=ERROR && w1!=WARNING, w2]", ["INFO"]),
        ("[w1=%ERR|INF%, w2=*much*]", ["ERROR", "INFO"]),
    ],
)
def test_the_last_word_takes_the_rest(pattern: str, first_words: list[str]) -> None:
    matches = compile_filter(pattern)

    found = [word for word in ("ERROR", "WARNING", "INFO") if matches(f"{word} this is said too much today")]

    assert found == first_words


@pytest.mark.parametrize("pattern", ["%x*x*x*x*x*x*x*x*x*y%", '{ $.a = "*x*x*x*x*x*x*x*x*x*y" }'])
def test_no_pattern_tries_every_way_to_match(pattern: str) -> None:
    matches = compile_filter(pattern)
    assert not matches(json.dumps({"a": "x" * 50_000}))


@pytest.mark.parametrize("pattern", ["[a = 1" + " " * 1000 + "!]", "[" + "a =1 " * 150 + "!]", "[" + " " * 1000 + "!]"])
def test_a_pattern_is_read_in_one_way_only(pattern: str) -> None:
    """As long as the service allows; read with every way of sharing its blanks, the first takes half a minute."""
    with pytest.raises(ValidationFailed, match="Invalid"):
        compile_filter(pattern)


@pytest.mark.parametrize(
    "pattern",
    [
        "foo:bar",
        '"open',
        "%open",
        "%a(b)%",
        "%[%",
        "{ $.a = 1",
        "{ $.a }",
        "{ }",
        "{ a = 1 }",
        "{ $.a > x }",
        "{ $.a = 1 && }",
        "{ ($.a = 1 }",
        "{ $.a = 1 ) }",
        "{ " + "(" * 200 + "$.a = 1" + ")" * 200 + " }",
        "[a, b",
        "[a b]",
        "[..., ...]",
        "[a > x]",
    ],
)
def test_what_is_no_pattern_is_refused(pattern: str) -> None:
    with pytest.raises(ValidationFailed, match="Invalid"):
        compile_filter(pattern)
