"""The soak of hosted copies with some MB: every byte that is served is right, and what goes wrong is counted."""

from __future__ import annotations

import random
import socket

import requests

from hub.config import Settings
from tests.generated_hosts import Host
from tests.soak_hosting import Soak, run


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def test_every_byte_that_is_served_is_right(tmp_path):
    report = run(20_000_000, 5_000_000, tmp_path, free_port())
    assert (report.wrong_bytes, report.failures) == (0, [])
    assert (report.files, report.file_bytes) == (4, 20_000_000)
    assert report.right_bytes > 20_000_000
    assert sum(report.damaged.values()) == 2
    assert all(report.injected.values())


def test_the_soak_sees_a_wrong_byte(tmp_path):
    with Host() as host:
        host.files["/a"] = (7, 100_000)
        host.next = ["flip"]
        soak = Soak(Settings(data_dir=tmp_path), host.url, (host, host), random.Random(1))
        soak._take(f"{host.url}a", 7, 0, 100_000, may_break=False)
        assert soak.report.wrong_bytes == 1
        with requests.get(f"{host.url}a", stream=True, timeout=10) as answer:
            assert soak._compare(answer, 8, 0)[1] > 90_000
