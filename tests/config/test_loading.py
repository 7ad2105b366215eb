"""Loading: one file or many become one configuration, or every problem at once; a second time only what changed."""

from __future__ import annotations

import gc
import random
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.config.loading import Config, Loader, load_config
from aggregator.config.validation import rechecking
from aggregator.config.validation.checking import check_endpoint
from aggregator.diagnostics import Diagnostic, render_text
from aggregator.errors import ConfigError

HEAD = """\
version: 1
upstreams:
  users: {url: https://users.example.com}
  shop: {url: https://shop.example.com}
groups:
  customer: {profile: "users:/users/{id}"}
endpoints:
"""


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Return a function that writes files into an empty working directory, the first one being routes.yaml."""
    monkeypatch.chdir(tmp_path)

    def files(text: str, **others: str) -> Path:
        Path("routes.yaml").write_text(text, encoding="utf-8")
        for name, content in others.items():
            Path(f"{name}.yaml").write_text(content, encoding="utf-8")
        return Path("routes.yaml")

    return files


def problems(path: Path | str, **env: str) -> list[str]:
    """Return code and place of every problem of *path*, which has some."""
    with pytest.raises(ConfigError) as caught:
        load_config(path, env)
    return [f"{one.code} {one.position}" for one in caught.value.diagnostics]


def test_a_whole_configuration(write: Callable[..., Path]) -> None:
    """Settings, endpoints in the order of the file, digests, files to watch."""
    config = load_config(write(HEAD + "  GET /b/{id}: {fan_out: {use: customer}}\n  GET /a: {call: shop:/a}\n"), {})
    assert [endpoint.key for endpoint in config.endpoints] == ["GET /b/{id}", "GET /a"]
    assert config.settings.upstreams["shop"].url == "https://shop.example.com"
    assert config.settings.endpoints == {}
    call = config.endpoints[1].settings.call
    assert call is not None
    assert call.url == "shop:/a"
    assert config.files == (Path("routes.yaml"),)
    assert config.warnings == ()
    assert list(config.sources) == ["routes.yaml"]


def test_files_become_one(write: Callable[..., Path]) -> None:
    """Included files add upstreams, groups, plug-ins and endpoints; positions lead into the right file."""
    path = write(
        "version: 1\ninclude: ['[ab].yaml']\nplugins: [one]\nupstreams: {users: {url: https://u.example.com}}\n"
        "endpoints:\n  GET /x: {call: {url: users:/x, transform: 'one:f'}}\n",
        a="plugins: [two, three.py]\nupstreams: {shop: {url: https://s.example.com}}\n",
        b="endpoints:\n  GET /y: {call: {url: shop:/y, transform: 'two:f'}}\n",
    )
    assert problems(path) == ["bad-plugin a.yaml:1:16"]
    Path("a.yaml").write_text("plugins: [two]\nupstreams: {shop: {url: https://s.example.com}}\n", encoding="utf-8")
    config = load_config(path, {})
    assert config.settings.plugins == ("one", "two")
    assert list(config.settings.upstreams) == ["users", "shop"]
    assert [endpoint.key for endpoint in config.endpoints] == ["GET /x", "GET /y"]
    assert [one.name for one in config.files] == ["routes.yaml", "a.yaml", "b.yaml"]
    assert config.folders == (Path(),)


def test_variables_and_secret_files(write: Callable[..., Path]) -> None:
    """Variables are filled in, their values are secrets, and the files of secrets are to be watched."""
    path = write(
        HEAD.replace("https://shop.example.com", "'${SHOP}.example.com'")
        + "  GET /a: {call: {url: shop:/a, headers: {x: '${file:key.txt}'}}}\n"
    )
    Path("key.txt").write_text("0123456789\n", encoding="utf-8")
    config = load_config(path, {"SHOP": "https://shop"})
    assert config.secrets == {"https://shop", "0123456789"}
    assert Path("key.txt") in config.files
    assert config.settings.upstreams["shop"].url == "https://shop.example.com"
    call = config.endpoints[0].settings.call
    assert call is not None
    assert call.headers == {"x": "0123456789"}


def test_the_environment_is_the_default(write: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """Without variables of the caller's, those of the process count."""
    monkeypatch.setenv("AGGREGATOR_TEST_HOST", "https://env.example.com")
    path = write("version: 1\nupstreams: {a: {url: '${AGGREGATOR_TEST_HOST}'}}\nendpoints: {GET /a: {call: 'a:/'}}\n")
    assert load_config(path).settings.upstreams["a"].url == "https://env.example.com"


def test_all_problems_at_once(write: Callable[..., Path]) -> None:
    """Problems of form, of reference and of variables are told together, in reading order."""
    path = write("""\
version: 1
server: {prot: 80}
upstreams:
  users: {url: "${NOWHERE}"}
endpoints:
  GET /a/{id}:
    tiemout: 2s
    call: {url: "users:/{nobody}", method: get}
  GET /b:
    fan_out: {x: user:/b, y: "users:/{z.id}"}
  get /c: {call: users:/c}
""")
    assert problems(path) == [
        "unknown-key routes.yaml:2:10",
        "unset-variable routes.yaml:4:17",
        "unknown-key routes.yaml:7:5",
        "unknown-name routes.yaml:8:26",
        "bad-choice routes.yaml:8:44",
        "unknown-upstream routes.yaml:10:18",
        "unknown-name routes.yaml:10:39",
        "endpoint-key routes.yaml:11:3",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", ["empty-file routes.yaml:1:1"]),
        ("version: 1\nendpoints: 5\n", ["wrong-type routes.yaml:2:12"]),
        ("version: 1\nendpoints:\n  - GET /x\n", ["wrong-type routes.yaml:2:1"]),
        ("endpoints: {}\n", ["missing-key routes.yaml:1:1"]),
        (
            "version: one\nupstreams: [a]\ngroups: 5\nplugins: {a: 1}\nserver:\n",
            [
                "bad-choice routes.yaml:1:10",
                "wrong-type routes.yaml:2:12",
                "wrong-type routes.yaml:3:9",
                "wrong-type routes.yaml:4:10",
                "wrong-type routes.yaml:5:1",
            ],
        ),
        (
            "version: 1\nendpoints:\n  GET /a: 5\n  GET /b: [users]\n  GET /c:\n  GET /d: users:/d\n",
            [
                "wrong-type routes.yaml:3:11",
                "wrong-type routes.yaml:4:11",
                "wrong-type routes.yaml:5:3",
                "wrong-type routes.yaml:6:11",
            ],
        ),
        (
            "version: 1\nendpoints:\n  5: {call: users:/a}\n",
            ["endpoint-key routes.yaml:3:3", "unknown-upstream routes.yaml:3:13"],
        ),
        ("include: nowhere.yaml\nversion: 1\n", ["include-missing routes.yaml:1:10"]),
        ("version: 1\nendpoints: {GET /a: {call: {url: 'a:/'}\n", ["yaml-syntax routes.yaml:2:21"]),
    ],
)
def test_files_that_are_something_else(write: Callable[..., Path], text: str, said: list[str]) -> None:
    """Whatever the file holds, the answer is a list of problems with places."""
    assert problems(write(text)) == said


def test_files_that_are_not_there(tmp_path: Path) -> None:
    """A missing file and a folder are problems like any other."""
    missing = tmp_path / "routes.yaml"
    assert problems(missing) == [f"file-missing {missing}:1:1"]
    assert problems(tmp_path) == [f"file-unreadable {tmp_path}:1:1"]


def test_what_an_include_lacks_is_not_missed_everywhere(write: Callable[..., Path]) -> None:
    """While a file cannot be read, nobody is told that its upstreams do not exist."""
    path = write(
        "version: 1\ninclude: shop.yaml\nendpoints: {GET /a: {call: 'shop:/a'}}\n", shop="upstreams: {shop: {url:\n"
    )
    assert [line.split()[0] for line in problems(path)] == ["yaml-syntax"]


@pytest.mark.parametrize(
    ("include", "said"),
    [
        ("nowhere.yaml", "include-missing routes.yaml:2:10"),
        ("7", "include-type routes.yaml:2:10"),
        ("torn.yaml", "yaml-syntax torn.yaml:1:12"),
    ],
)
def test_what_does_not_hang_on_an_include_is_told_with_it(write: Callable[..., Path], include: str, said: str) -> None:
    """All at once: everything but the names that the missing file may declare, and what it may use."""
    path = write(
        f"version: 1\ninclude: {include}\nserver: {{port: x}}\nupstreams: {{spare: {{url: 'https://a.example.com'}}}}\n"
        "endpoints:\n"
        "  GET /a: {timeout: 3, call: 'elsewhere:/a'}\n"
        "  GET /b: {fan_out: {use: all, x: 'elsewhere:/{first.id}'}, respnse: {body: '{{ first.a }}'}}\n"
        "  GET /c: {call: {url: 'elsewhere:/', transform: 'elsewhere:f'}}\n",
        torn="upstreams: [\n",
    )
    others = ["wrong-type routes.yaml:3:16", "bad-duration routes.yaml:6:21", "unknown-key routes.yaml:7:61"]
    assert sorted(problems(path)) == sorted([said, *others])


def test_a_root_without_endpoints_may_include_them(write: Callable[..., Path]) -> None:
    """While they cannot be read, nobody is told that there are none."""
    assert problems(write("version: 1\ninclude: nowhere.yaml\n")) == ["include-missing routes.yaml:2:10"]


def test_damaged_sections_do_not_damage_endpoints(write: Callable[..., Path]) -> None:
    """A call of a group that is wrong is told once, not by everybody who reads its result."""
    head = HEAD.replace('{profile: "users:/users/{id}"}', '{profile: {url: "users:/users/{id}", timeot: 2s}}')
    body = '  GET /a/{id}: {fan_out: {use: customer}, response: {body: {name: "{{ profile.name }}"}}}\n'
    assert problems(write(head + body)) == ["unknown-key routes.yaml:6:50"]
    head = HEAD.replace('{profile: "users:/users/{id}"}', "{profile: 5}")
    assert problems(write(head + body)) == ["wrong-type routes.yaml:6:23"]


def test_extension_keys_are_ours(write: Callable[..., Path]) -> None:
    """Top-level keys that begin with ``x-`` hold anchors and notes."""
    path = write("version: 1\nx-call: &call {timeout: 2s}\nupstreams: {a: {url: https://a.example.com}}\n"
                 "endpoints: {GET /a: {call: {url: 'a:/', <<: *call}}}\n")  # fmt: skip
    call = load_config(path, {}).endpoints[0].settings.call
    assert call is not None
    assert call.timeout is not None
    assert call.timeout.total == 2.0


def test_values_of_variables_stay_out_of_words(write: Callable[..., Path]) -> None:
    """A message that would quote a value quotes the reference to it."""
    path = write(HEAD + "  GET /a: {call: '${WHERE}:/a'}\n")
    with pytest.raises(ConfigError) as caught:
        load_config(path, {"WHERE": "internal_name"})
    shown = render_text(caught.value.diagnostics, caught.value.sources)
    assert "there is no upstream `${WHERE}`" in shown
    assert "internal_name" not in shown


class TestAgain:
    """Loading a second time."""

    def test_only_what_changed_is_checked(self, write: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
        """After one endpoint changed, one endpoint is checked, wherever its lines went."""
        checked: list[str] = []
        real = check_endpoint
        monkeypatch.setattr(
            rechecking, "check_endpoint", lambda entry, around: checked.append(entry.key) or real(entry, around)
        )
        endpoints = [f"  GET /a{number}: {{call: shop:/a{number}}}\n" for number in range(20)]
        loader = Loader(write(HEAD + "".join(endpoints)), {})
        first = loader.load()
        assert len(checked) == 20
        checked.clear()
        endpoints[7] = "  # a comment\n\n  GET /a7: {call: users:/a7}\n"
        write(HEAD + "".join(endpoints))
        second = loader.load()
        assert checked == ["GET /a7"]
        changed = [
            one.key for one, other in zip(first.endpoints, second.endpoints, strict=True) if one.digest != other.digest
        ]
        assert changed == ["GET /a7"]
        assert first.digest != second.digest

    @pytest.mark.parametrize(
        ("old", "new", "changed"),
        [
            ("https://shop.", "https://shop2.", ["GET /s"]),
            ("users:/users/{id}", "users:/people/{id}", ["GET /g/{id}"]),
            ("https://users.", "https://users2.", ["GET /u", "GET /g/{id}"]),
            ("version: 1\n", "version: 1\ndefaults: {deadline: 2s}\n", ["GET /s", "GET /u", "GET /r", "GET /g/{id}"]),
            ("version: 1\n", "version: 1\nx-note: hello\n", []),
            ("version: 1\n", "# comment\n\nversion:   1\n", []),
        ],
    )
    def test_digests_follow_what_an_endpoint_rests_on(
        self, write: Callable[..., Path], old: str, new: str, changed: list[str]
    ) -> None:
        """A digest changes with the upstreams and groups that an endpoint uses, and with what all endpoints share."""
        body = "  GET /s: {call: shop:/x}\n  GET /u: {call: users:/x}\n  GET /r: {respond: {}}\n"
        body += "  GET /g/{id}: {fan_out: {use: customer}}\n"
        loader = Loader(write(HEAD + body), {})
        before = loader.load()
        write((HEAD + body).replace(old, new))
        after = loader.load()
        assert [
            one.key for one, other in zip(before.endpoints, after.endpoints, strict=True) if one.digest != other.digest
        ] == changed
        assert (before.digest != after.digest) == bool(changed)

    def test_digests_follow_variables(self, write: Callable[..., Path]) -> None:
        """The same text with another value of a variable is another endpoint."""
        env = {"LIMIT": "5"}
        loader = Loader(write(HEAD + "  GET /a: {call: 'shop:/a?limit=${LIMIT}'}\n  GET /b: {call: shop:/b}\n"), env)
        before = loader.load()
        env["LIMIT"] = "6"
        after = loader.load()
        assert [one.digest == other.digest for one, other in zip(before.endpoints, after.endpoints, strict=True)] == [
            False,
            True,
        ]

    def test_a_wrong_file_between_two_good_ones(self, write: Callable[..., Path]) -> None:
        """A refusal changes nothing about what comes later; the files to watch are known all the same."""
        good = HEAD + "  GET /a: {call: shop:/a}\n"
        loader = Loader(write(good), {})
        before = loader.load()
        write(
            good.replace("{url: https://shop.example.com}", "{ulr: https://shop.example.com}")
            + "  GET /b: {call: shop:/{x}}\n"
        )
        with pytest.raises(ConfigError) as caught:
            loader.load()
        assert caught.value.diagnostics
        assert loader.files == (Path("routes.yaml"),)
        assert list(loader.sources) == ["routes.yaml"]
        write(good)
        assert loader.load() == before


ENDPOINTS = (
    "  GET /a{n}/{{id}}: {{call: 'users:/users/{{id}}'}}\n",
    "  GET /a{n}/{{id}}: {{call: 'users:/users/{{other}}'}}\n",
    "  GET /b{n}: {{call: nowhere:/x}}\n",
    "  GET /c{n}/{{id}}:\n    fan_out:\n      use: customer\n      cart: 'shop:/{{profile.cart}}'\n",
    "  GET /c{n}: {{fan_out: {{use: customer}}}}\n",
    "  GET /d{n}: {{call: {{url: shop:/x, headers: {{authorization: Bearer 0123456789}}}}}}\n",
    "  GET /same/{{x{n}}}: {{respond: {{}}}}\n",
    "  # only a comment {n}\n",
)
HEADS = (
    HEAD,
    HEAD.replace("customer:", "customers:"),
    HEAD.replace("shop: {", "store: {"),
    HEAD.replace("{id}", "{user}"),
)


@pytest.mark.long
@settings(max_examples=40)
@given(seed=st.integers(0, 10**9))
def test_again_is_the_same_as_anew(tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
    """After any changes a loader says what a new one would say: the same settings, digests, warnings or problems."""
    chance = random.Random(seed)
    path = tmp_path_factory.mktemp("again") / "routes.yaml"
    lines = [chance.choice(ENDPOINTS).format(n=number) for number in range(6)]
    loader, head = Loader(path, {}), HEAD
    for _ in range(5):
        lines[chance.randrange(len(lines))] = chance.choice(ENDPOINTS).format(n=chance.randrange(6))
        chance.shuffle(lines)
        head = chance.choice((head, head, *HEADS))
        path.write_text(head + "".join(lines), encoding="utf-8")
        assert outcome(loader) == outcome(Loader(path, {}))


def outcome(loader: Loader) -> tuple[Config | None, tuple[Diagnostic, ...]]:
    """Return what *loader* says now."""
    try:
        config = loader.load()
    except ConfigError as error:
        return None, error.diagnostics
    return config, config.warnings


@pytest.mark.long
@pytest.mark.parametrize("wrong", ["", "  GET /w/{id}: {cal: users:/w, timeout: 3}\n"])
def test_loads_leave_no_circles(write: Callable[..., Path], wrong: str) -> None:
    """A server hardly ever looks for circles of objects: what a load does not need any more goes by itself."""

    def load(number: int) -> None:
        parts = f'{{a: "users:/{number}", b: {{race: [users:/b, "shop:/{{a.x}}"]}}, use: customer}}'
        nested = f'{{c: {{fan_out: {{d: "shop:/{number}"}}}}}}'
        write(f"{HEAD}  GET /a/{{id}}: {{fan_out: {parts}}}\n  GET /c: {{fan_out: {nested}}}\n{wrong}")
        with suppress(ConfigError):
            loader.load()

    def left_by(numbers: range) -> int:
        gc.collect()
        gc.disable()
        try:
            for number in numbers:
                load(number)
            return gc.collect()
        finally:
            gc.enable()

    loader = Loader(Path("routes.yaml"), {})
    for number in range(3):
        load(number)
    assert min(left_by(range(begin, begin + 10)) for begin in (3, 13, 23)) < 10  # threads of other tests leave some too


ONE = HEAD + "  GET /a: {call: shop:/a}\n"
STANDS: dict[str, tuple[str, Callable[[dict[str, str]], object], bool]] = {
    "untouched": (ONE, lambda env: None, True),
    "written again": (ONE, lambda env: Path("routes.yaml").write_text(ONE), True),
    "changed": (ONE, lambda env: Path("routes.yaml").write_text(ONE.replace("/a}", "/b}")), False),
    "gone": (ONE, lambda env: Path("routes.yaml").unlink(), False),
    "no text any more": (ONE, lambda env: Path("routes.yaml").write_bytes(ONE.encode("utf-16")), False),
    "variable": (ONE, lambda env: env.update(NEW="1"), False),
    "included, untouched": (ONE + "include: more.yaml\n", lambda env: None, True),
    "included, changed": (
        ONE + "include: more.yaml\n",
        lambda env: Path("more.yaml").write_text("groups: {}\n"),
        False,
    ),
    "pattern": (ONE + "include: m*.yaml\n", lambda env: None, False),
    "value of a file": (
        ONE.replace("https://shop.example.com", '"https://${file:host.yaml}"'),
        lambda env: None,
        False,
    ),
}


@pytest.mark.parametrize("name", STANDS)
def test_a_load_stands_while_files_say_the_same(write: Callable[..., Path], name: str) -> None:
    """What would be loaded again to no effect is known without loading; where only a load can tell, it does not."""
    text, change, stands = STANDS[name]
    env: dict[str, str] = {}
    loader = Loader(write(text, more="groups: {one: {a: 'shop:/a'}}\n", host="shop.example.com"), env)
    assert not loader.stands()
    loader.load()
    change(env)
    assert loader.stands() is stands


def test_a_load_that_failed_does_not_stand(write: Callable[..., Path]) -> None:
    """After a bad file the next one is loaded whatever it says."""
    loader = Loader(write(ONE), {})
    loader.load()
    write("version: 2\n")
    with pytest.raises(ConfigError):
        loader.load()
    assert not loader.stands()
