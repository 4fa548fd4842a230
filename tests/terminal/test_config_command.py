"""``kadisc config``: the file it prints, the faults it finds, the values it shows."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest

from kadisc.cli.config_template import PURPOSES, template
from kadisc.cli.main import main
from kadisc.config.keys import GROUPS, KEYS
from kadisc.net.config_faults import faults_in
from kadisc.net.config_file import read_values

from .commands import kadisc, next_event, running

Printed = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for kind in ("CONFIG", "STATE"):
        monkeypatch.setenv(f"XDG_{kind}_HOME", str(tmp_path / kind.lower()))
    monkeypatch.setenv("COLUMNS", "200")
    return tmp_path


# --- init -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("with_core", [False, True])
@pytest.mark.parametrize("purpose", PURPOSES)
def test_what_is_printed_is_a_sound_file(purpose: str, with_core: bool, tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(template(purpose, with_core=with_core))
    assert faults_in(path) == ([], False)
    expected = dict(PURPOSES[purpose].values)
    assert read_values(path) == expected
    # The keys that are comments too, once they are none any more.
    path.write_text(re.sub(r"^#(?=[a-z])", "", path.read_text(), flags=re.MULTILINE))
    assert faults_in(path) == ([], False)
    values = read_values(path)
    shown = [name for name in KEYS if with_core or not name.startswith("core.")]
    assert sorted(values) == sorted(shown)
    for name, value in values.items():
        if KEYS[name].default is not None:
            assert value == expected.get(name, KEYS[name].default)


def test_init_prints_the_template_and_every_group_is_a_table(capsys: Printed) -> None:
    assert main(["config", "init", "--for", "geth", "--all"]) == 0
    text = capsys.readouterr().out
    assert text == template("geth", with_core=True)
    document = tomllib.loads(text)
    assert document["service"] == ["p2p=30303"]
    for group in GROUPS:
        assert f"\n[{group}]\n" in text
    assert max(map(len, text.splitlines())) <= 130
    assert main(["config", "init", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["toml"] == template("plain", with_core=False)


# --- check ----------------------------------------------------------------------------------------


def checked(arguments: list[str], capsys: Printed) -> tuple[int, list[str], str]:
    code = main(["config", "check", *arguments])
    printed = capsys.readouterr()
    return code, printed.out.splitlines(), printed.err


def test_check_tells_all_faults_and_ends_with_2(tmp_path: Path, capsys: Printed) -> None:
    path = tmp_path / "bad.toml"
    path.write_text('netwrk = "x"\nbind = ["x"]\n[metrics]\nlisten = 3\n')
    code, lines, said = checked([str(path)], capsys)
    assert code == 2
    assert lines == [
        f"{path}:1: there is no key netwrk; did you mean network?",
        f"{path}:2: bind[0]: cannot listen on x: expected HOST:PORT, as in"
        " router.example.org:6881: 'x'",
        f"{path}:4: metrics.listen: expected a text in quotes, not a whole number",
    ]
    assert said == f"kadisc: {path}: 3 faults\n"
    assert main(["config", "check", str(path), "--json"]) == 2
    document = json.loads(capsys.readouterr().out)
    assert [fault["line"] for fault in document["faults"]] == [1, 2, 4]
    assert [fault["key"] for fault in document["faults"]] == ["netwrk", "bind", "metrics.listen"]
    assert document["error"]["code"] == "wrong_usage"


def test_check_tells_what_this_system_does_not_have(tmp_path: Path, capsys: Printed) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(
        'asmap = "/nonsense/map"\n[metrics]\nlisten = "0.0.0.0:9464"\ntoken_file = "/nonsense/t"\n'
        '[control]\ngroup = "no-such-group"\n'
    )
    code, lines, _ = checked([str(path)], capsys)
    assert code == 2
    assert [line.split(": ")[0:2] for line in lines] == [
        [f"{path}:1", "asmap"],
        [f"{path}:4", "metrics.token_file"],
        [f"{path}:6", "control.group"],
    ]
    path.write_text('[metrics]\nlisten = "0.0.0.0:9464"\n[control]\ngroup_writes = true\n')
    assert [line.split(": ")[1] for line in checked([str(path)], capsys)[1]] == [
        "metrics.listen",
        "control.group_writes",
    ]
    path.write_text("[metrics]\napi = true\n")
    assert checked([str(path)], capsys)[0] == 2


def test_check_of_a_sound_file_and_of_none(home: Path, capsys: Printed) -> None:
    code, lines, said = checked([], capsys)
    assert (code, lines) == (0, [])
    assert said == "kadisc: there is no configuration file; kadisc config init prints one\n"
    code, _, said = checked([str(home / "none.toml")], capsys)
    assert code == 2
    path = home / "good.toml"
    path.write_text('network = "x"\n[core.table]\nk = 8\n')
    assert checked([str(path)], capsys) == (0, [], f"kadisc: {path}: no faults, 2 keys set\n")


# --- show -----------------------------------------------------------------------------------------


def values_shown(arguments: list[str], capsys: Printed) -> dict[str, dict[str, object]]:
    assert main(["config", "show", "--json", *arguments]) == 0
    values: dict[str, dict[str, object]] = json.loads(capsys.readouterr().out)["values"]
    return values


def test_show_tells_where_each_value_is_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Printed
) -> None:
    path = tmp_path / "c.toml"
    path.write_text('network = "x"\nno_caps = true\nservice = ["p2p=1"]\n\n[core.table]\nk = 8\n')
    monkeypatch.setenv("KADISC_STATE_DIR", str(tmp_path / "state"))
    arguments = ["--config", str(path), "--no-map", "--service", "p2p=9", "--no-routers"]
    values = values_shown(arguments, capsys)
    assert set(values) == set(KEYS)
    expected = {
        "network": ("x", f"file {path}:1"),
        "core.table.k": (8, f"file {path}:6"),
        "service": (["p2p=9"], "option --service"),
        "port_mapping": ("off", "option --no-map"),
        "state_dir": (str(tmp_path / "state"), "environment KADISC_STATE_DIR"),
        "routers": ([], "follows from no_routers"),
        "core.defences.diversity_caps": (False, "follows from no_caps"),
        "bind": ([], "default"),
        "core.query.max_stall_s": (2.0, "default"),
    }
    for name, (value, source) in expected.items():
        assert values[name] == {"value": value, "source": source}, name
    changed = values_shown([*arguments, "--changed"], capsys)
    assert {name for name in values if values[name]["source"] != "default"} == set(changed)
    assert main(["config", "show", *arguments, "--changed"]) == 0
    printed = capsys.readouterr()
    assert re.search(rf'^network +"x" +file {path}:1$', printed.out, re.MULTILINE)
    assert printed.err == ""


def test_show_tells_what_the_running_node_has(tmp_path: Path) -> None:
    state = str(tmp_path / "state")
    options = ("--bind", "127.0.0.1:0", "--allow-private", "--no-routers", "--state-dir", state)
    file = tmp_path / "config.toml"
    file.touch()
    with running(
        *("run", *options, "--network", "old", "--config", str(file), "--json")
    ) as process:
        next_event(process, "listening")
        done = kadisc("config", "show", *options, "--network", "new", "--json")
        document = json.loads(done.stdout)
        assert document["running"] is True
        values = document["values"]
        differing = {name: each["running"] for name, each in values.items() if "running" in each}
        assert differing == {"network": "old"}
        done = kadisc("config", "show", *options, "--changed")
        assert done.stderr == "kadisc: the running node has 1 other value\n"
        assert re.search(r'^network +"mainline" +default +"old"$', done.stdout, re.MULTILINE)
        file.write_text('ban = ["192.0.2.0/24"]\n')
        assert kadisc("reload", "--state-dir", state).returncode == 0
        done = kadisc("config", "show", *options, "--network", "old", "--config", str(file))
        assert done.stderr == "kadisc: the running node has these values\n"


def test_bad_options_and_files_are_one_line(tmp_path: Path) -> None:
    for arguments in (["--ban", "x"], ["--config", str(tmp_path / "none")]):
        done = kadisc("config", "show", *arguments)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
