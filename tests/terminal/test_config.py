"""Options of the command line and the configuration file, as a user gives them."""

from __future__ import annotations

import socket
import subprocess
from pathlib import Path

import pytest

from kadisc.net.state.state_file import read_state

from .commands import COMMAND, PATIENCE_S, devnet, environment, kadisc, next_event, running


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "config.toml"
    path.write_text(
        'routers = []\nbind = ["127.0.0.1:0"]\nnetwork = "from the file"\n'
        'bootstrap = ["nonsense.invalid:1"]\n'
    )
    return path


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (
            ["--ban", "10.0.0.0/33"],
            "--ban: expected a network such as 192.0.2.0/24 or 2001:db8::/32: '10.0.0.0/33'",
        ),
        (
            ["--netrestrict", "home"],
            "--netrestrict: expected a network such as 192.0.2.0/24 or 2001:db8::/32: 'home'",
        ),
        (
            ["--peer", "friend"],
            "--peer: expected HOST:PORT, as in router.example.org:6881: 'friend'",
        ),
        (["--peer", "1.2.3.4:0"], "--peer: a port to send to is 1 to 65535: '1.2.3.4:0'"),
        (
            ["--external", "me"],
            "--external: expected an address as IP or IP:PORT,"
            " as in 192.0.2.1:6881 or [2001:db8::1]:6881: 'me'",
        ),
        (
            ["--external", "0.0.0.0"],
            "--external: no node can be at 0.0.0.0:"
            " an external address is the one that others reach this node at",
        ),
        (
            ["--external", "45.1.2.3", "--external", "45.1.2.4"],
            "two external addresses of one family; 45.1.2.4 is the second",
        ),
        (
            ["--external", "2a01::1"],
            "an external ipv6 address is given, but this node has no ipv6 socket",
        ),
        (["--network", ""], "--network: expected a name of 1 to 64 printable characters, not ''"),
        (
            ["--asmap", "/nonsense/map.dat"],
            "the AS map /nonsense/map.dat cannot be read: no such file or directory",
        ),
        (["--asmap", "/dev/zero"], "/dev/zero: a map has 1 to 33,554,432 bytes, not 33,554,433"),
        (["--asmap", "README.md"], "README.md: this is no AS map, or only a part of one"),
        (
            ["--config", "/nonsense/config.toml"],
            "/nonsense/config.toml cannot be read: no such file or directory",
        ),
    ],
)
def test_an_error_is_one_line(arguments: list[str], line: str) -> None:
    done = kadisc("run", "--bind", "127.0.0.1:0", "--bootstrap", "127.0.0.1:1", *arguments)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"kadisc: {line}\n")


@pytest.mark.parametrize("external", ["10.0.0.1", "127.0.0.1"])
def test_an_external_address_that_leads_nowhere_is_warned_of_in_one_line(
    tmp_path: Path, external: str
) -> None:
    """The node runs, since a whole network may be on such addresses; a node that listens at such an
    address gets no warning.
    """
    place = ["--bind", "127.0.0.1:0", "--bootstrap", "127.0.0.1:1", "--state-dir", str(tmp_path)]
    with running("run", *place, "--external", external, "--json") as process:
        next_event(process, "listening")
        process.terminate()
        told = process.communicate(timeout=PATIENCE_S)[1]
    if external == "127.0.0.1":
        assert told == ""
    else:
        assert told.count("\n") == 1
        assert told.startswith(
            "kadisc: warning: the external address 10.0.0.1 is private:"
            " no node of the internet can reach this node there;"
        )


@pytest.mark.parametrize(
    "command",
    [
        ["run"],
        ["find", "random"],
        ["peers", "0" * 40],
        ["announce", "0" * 40, "--port", "1"],
        ["ping", "127.0.0.1:1"],
    ],
)
def test_an_error_in_the_file_is_one_line_for_every_command(
    tmp_path: Path, command: list[str]
) -> None:
    path = tmp_path / "config.toml"
    path.write_text("[core.table]\nk = 'eight'\n")
    done = kadisc(*command, "--config", str(path))
    assert (done.returncode, done.stdout) == (2, "")
    assert (
        done.stderr
        == f"kadisc: {path}: core.table.k: expected a whole number, not a text in quotes\n"
    )


def test_the_file_in_the_configuration_folder_is_read(tmp_path: Path) -> None:
    (tmp_path / "kadisc").mkdir()
    (tmp_path / "kadisc" / "config.toml").write_text("bnid = []\n")
    done = subprocess.run(
        [*COMMAND, "run"],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        env=environment(XDG_CONFIG_HOME=str(tmp_path)),
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 2
    assert (
        done.stderr
        == f"kadisc: {tmp_path}/kadisc/config.toml: there is no key bnid; did you mean bind?\n"
    )


def test_options_win_over_the_file(config: Path, tmp_path: Path) -> None:
    with devnet(9) as nodes:
        entrance = nodes[0]["endpoints"][0]
        for options, network in (
            ([], "from the file"),
            (["--network", "from the options"], "from the options"),
        ):
            given = [
                "--config",
                str(config),
                "--state-dir",
                str(tmp_path / "state"),
                "--bootstrap",
                entrance,
                "--json",
            ]
            with running("run", *given, *options) as process:
                assert next_event(process, "listening")["nodes"][0]["endpoints"][0].startswith(
                    "127.0.0.1:"
                )
                assert next_event(process, "joined")["contacts"] >= 1
                process.terminate()
                assert process.communicate(timeout=PATIENCE_S)[1] == ""
            kept = read_state(tmp_path / "state" / "state.sqlite3")
            assert kept is not None
            assert len(kept.contacts[network]) >= 8


def test_hosts_of_the_file_are_used_to_join(config: Path, tmp_path: Path) -> None:
    with devnet(9) as nodes:
        config.write_text(f'bootstrap = ["{nodes[0]["endpoints"][0]}"]\nrouters = []\n')
        options = ["--config", str(config), "--bind", "127.0.0.1:0", "--json"]
        with running("run", "--state-dir", str(tmp_path / "state"), *options) as process:
            assert next_event(process, "joined")["contacts"] >= 1
        done = kadisc("find", "random", *options)
        assert done.returncode == 0
        assert (
            done.stderr
            == f"kadisc: no --bootstrap given: starting from {nodes[0]['endpoints'][0]}\n"
        )


def test_a_devnet_leaves_out_what_the_file_says_of_the_node_on_the_internet(tmp_path: Path) -> None:
    """It does not listen at that node's address, sends nothing there, and makes no state folder."""
    path = tmp_path / "config.toml"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        where = f"127.0.0.1:{taken.getsockname()[1]}"
        state = tmp_path / "state"
        path.write_text(
            f'bind = ["{where}"]\nbootstrap = ["{where}"]\npeer = ["{where}"]\n'
            f'external = ["45.1.2.3"]\nstate_dir = "{state}"\n'
        )
        with running("run", "--devnet", "9", "--config", str(path), "--json") as process:
            next_event(process, "joined")
        taken.setblocking(False)
        with pytest.raises(BlockingIOError):
            taken.recv(2048)
    assert not state.exists()


def test_a_command_does_not_listen_where_the_lasting_node_does(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    with devnet(9) as nodes:
        entrance = nodes[0]["endpoints"][0]
        path.write_text(f'bind = ["{entrance}"]\nexternal = ["45.1.2.3"]\n')
        assert kadisc("ping", entrance, "--config", str(path)).returncode == 0


def test_netrestrict_of_the_file_holds_for_commands_too(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    with devnet(9) as nodes:
        entrance = nodes[0]["endpoints"][0]
        path.write_text('netrestrict = ["127.0.0.0/16"]\n')
        done = kadisc("find", "random", "--bootstrap", entrance, "--config", str(path), "--json")
        assert done.returncode == 0
        assert '"127.0.0.1"' in done.stdout
        assert '"127.1.' not in done.stdout


def test_a_state_folder_without_a_name_is_refused() -> None:
    """An empty name would mean the current folder."""
    done = kadisc("status", "--state-dir", "")
    assert done.returncode == 2
    assert "--state-dir" in done.stderr
    assert "Traceback" not in done.stderr
