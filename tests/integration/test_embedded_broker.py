"""The embedded broker: a private server on a unix socket, one for each data directory."""

import os
import signal
import socket
import stat
import subprocess
import time

import pytest
import redis

from dispatcher.adapters import embedded_broker
from dispatcher.adapters.embedded_broker import BrokerUnavailable, answers, broker_child, find_server
from dispatcher.settings import load_settings
from tests.support.needs import lacking

pytestmark = pytest.mark.redis

ENV = {"PATH": os.environ["PATH"]}


@pytest.fixture(autouse=True)
def _a_server_is_there():
    try:
        find_server()
    except BrokerUnavailable:
        lacking("embedded broker")


@pytest.fixture
def start():
    """Starts a broker's child spec as the supervisor would, waits until it answers, and ends it with the test."""
    processes = []

    def begin(child):
        process = subprocess.Popen(child.argv, env=child.env)
        processes.append(process)
        deadline = time.monotonic() + 10
        while not child.ready():
            assert process.poll() is None, "the broker ended while it was starting"
            assert time.monotonic() < deadline, "the broker does not answer"
            time.sleep(0.01)
        return process

    yield begin
    for process in processes:
        process.kill()
        process.wait()


def test_it_serves_both_libraries_urls_and_listens_on_its_private_socket_alone(tmp_path, start):
    settings = load_settings(data_dir=tmp_path)
    start(broker_child(tmp_path, settings.embedded_socket, ENV))
    with redis.Redis.from_url(settings.redis_url) as client:
        wanted = ("port", "appendonly", "appendfsync", "maxmemory-policy", "save")
        assert [client.config_get(name)[name] for name in wanted] == ["0", "yes", "everysec", "noeviction", ""]
    assert stat.S_IMODE(settings.embedded_socket.stat().st_mode) == 0o700
    assert stat.S_IMODE(settings.embedded_socket.parent.stat().st_mode) == 0o700


def test_what_it_holds_survives_a_restart(tmp_path, start):
    settings = load_settings(data_dir=tmp_path)
    process = start(broker_child(tmp_path, settings.embedded_socket, ENV))
    with redis.Redis.from_url(settings.redis_url) as client:
        client.lpush("hints", "a")
    process.send_signal(signal.SIGTERM)
    assert process.wait(5) == 0
    start(broker_child(tmp_path, settings.embedded_socket, ENV))
    with redis.Redis.from_url(settings.redis_url) as client:
        assert client.lrange("hints", 0, -1) == [b"a"]


def test_a_second_one_for_the_same_data_directory_is_refused(tmp_path, start, monkeypatch):
    monkeypatch.setattr(embedded_broker, "LEAVING_SECONDS", 0.1)
    socket_path = load_settings(data_dir=tmp_path).embedded_socket
    start(broker_child(tmp_path, socket_path, ENV))
    with pytest.raises(BrokerUnavailable, match="Another Onhook runs with this data directory"):
        broker_child(tmp_path, socket_path, ENV)
    assert answers(socket_path)


def test_one_that_is_about_to_leave_is_waited_for(tmp_path, start):
    socket_path = load_settings(data_dir=tmp_path).embedded_socket
    first = start(broker_child(tmp_path, socket_path, ENV))
    first.send_signal(signal.SIGTERM)
    start(broker_child(tmp_path, socket_path, ENV))
    assert first.wait(5) == 0


def test_one_that_hangs_counts_as_running(tmp_path, start, monkeypatch):
    monkeypatch.setattr(embedded_broker, "LEAVING_SECONDS", 0.0)
    monkeypatch.setattr(embedded_broker, "PING_SECONDS", 0.1)
    socket_path = load_settings(data_dir=tmp_path).embedded_socket
    process = start(broker_child(tmp_path, socket_path, ENV))
    process.send_signal(signal.SIGSTOP)
    with pytest.raises(BrokerUnavailable, match="Another Onhook"):
        broker_child(tmp_path, socket_path, ENV)


def test_a_socket_that_a_killed_one_left_is_removed(tmp_path, start):
    socket_path = load_settings(data_dir=tmp_path).embedded_socket
    first = start(broker_child(tmp_path, socket_path, ENV))
    first.kill()
    first.wait()
    assert socket_path.exists()
    child = broker_child(tmp_path, socket_path, ENV)
    assert not socket_path.exists()
    start(child)


def test_a_long_data_directory_gets_a_private_folder_for_its_socket(tmp_path, start):
    settings = load_settings(data_dir=tmp_path / ("x" * 120))
    folder = settings.embedded_socket.parent
    try:
        start(broker_child(settings.data_dir, settings.embedded_socket, ENV))
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    finally:
        settings.embedded_socket.unlink(missing_ok=True)
        folder.rmdir()


def test_a_folder_that_is_a_strangers_link_is_refused(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(BrokerUnavailable, match="belongs to another user"):
        broker_child(tmp_path / "data", tmp_path / "link" / "valkey.sock", ENV)
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_folder_of_another_user_is_refused(tmp_path, monkeypatch):
    (tmp_path / "theirs").mkdir()
    monkeypatch.setattr(os, "geteuid", lambda: tmp_path.stat().st_uid + 1)
    with pytest.raises(BrokerUnavailable, match="belongs to another user"):
        broker_child(tmp_path / "data", tmp_path / "theirs" / "valkey.sock", ENV)


def test_without_any_server_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setattr(embedded_broker, "_bundled_server", lambda: None)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(BrokerUnavailable, match="install valkey-server or redis-server"):
        find_server()


def test_a_server_on_the_path_serves_where_the_wheel_has_none(monkeypatch, tmp_path):
    monkeypatch.setattr(embedded_broker, "_bundled_server", lambda: None)
    server = tmp_path / "redis-server"
    server.write_text("#!/bin/sh\n")
    server.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_server() == server


def test_nobody_answers_where_nobody_listens_or_something_else_does(tmp_path):
    assert not answers(tmp_path / "nowhere.sock")
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(tmp_path / "x.sock"))
        assert not answers(tmp_path / "x.sock")
