"""Fixtures of the end-to-end tests: servers of every kind we promise to behave alike, and a stock Redis beside them.

A `server` is started once for each combination of shards and backend and lives as long as the session; each test finds it
empty and with its defaults. A test that changes what a server is (flags, restarts, kills) asks for `new_server`
instead. Either way the test fails when the server has died or reported a fault, and its log is shown.

BASALT_LONG=N makes what repeats itself N times longer.
"""

import itertools
import os
import random

import pytest

from support.pool import Pool, make_clean
from support.server import REDIS, Server, program_under_test, redis_server

SHARDS = (1, 2, 7)
BACKENDS = ("io_uring", "epoll")
RESPS = (2, 3)


def pytest_configure(config):
    config.long = float(os.environ.get("BASALT_LONG", "1"))


def pytest_report_header():
    return f"server: {program_under_test()}, oracle: {REDIS}"


def pytest_collection_modifyitems(items):
    if program_under_test() is None:
        reason = pytest.mark.skip(reason="no server: build it or set BASALT_SERVER")
        for item in items:
            if {"server", "new_server", "client"} & set(item.fixturenames):
                item.add_marker(reason)


@pytest.fixture(scope="session")
def long(request):
    """How much longer than usual repetitive tests shall run."""
    return request.config.long


@pytest.fixture(scope="session")
def pool():
    pool = Pool()
    yield pool
    pool.stop()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if call.when == "call":
        item.report_call = report
        if report.failed:
            for name in ("server", "new_server"):
                holder = item.funcargs.get(name)
                for server in getattr(holder, "made", [holder] if isinstance(holder, Server) else []):
                    report.sections.append((f"log of the server, {server.shards} shards, {server.backend}", server.log()))


def matrix(shards=SHARDS, backends=BACKENDS):
    return [pytest.param(pair, id=f"{pair[0]}-{pair[1]}") for pair in itertools.product(shards, backends)]


@pytest.fixture(params=matrix())
def server(request, pool):
    """A running server, empty; every number of shards with every backend."""
    server = pool.get(*request.param)
    make_clean(server)
    yield server
    server.close_clients()
    server.check()
    assert server.is_alive(), f"the server has died:\n{server.log()}"


@pytest.fixture(params=RESPS, ids=("resp2", "resp3"))
def resp(request):
    """The protocol version to speak."""
    return request.param


@pytest.fixture
def client(server, resp):
    """A connection to the server."""
    return server.client(resp)


class Maker:
    """Starts servers for one test."""

    def __init__(self):
        self.made = []

    def __call__(self, start=True, **options):
        server = Server(**options)
        self.made.append(server)
        return server.start() if start else server


@pytest.fixture
def new_server():
    """Starts servers that belong to this test alone: new_server(shards=2, args={"appendonly": "yes"})."""
    maker = Maker()
    yield maker
    try:
        for server in maker.made:
            server.check()
    finally:
        for server in maker.made:
            server.stop()


@pytest.fixture(scope="session")
def redis_oracle():
    """A stock Redis, for the whole session."""
    with redis_server() as server:
        yield server


@pytest.fixture
def seed(request):
    """A seed, printed with a failing test; BASALT_SEED repeats it."""
    value = int(os.environ.get("BASALT_SEED") or random.randrange(1 << 32))
    request.node.user_properties.append(("seed", value))
    print(f"BASALT_SEED={value}")
    return value
