"""Damaged files: the server either says what is wrong and does not start, or cuts a torn tail. It never serves something
else than a prefix of the truth, and never overwrites what it could not read."""

import random
import shutil
import time

import pytest

from story import World, contents, prefix_length, random_command


def make_log(new_server, seed, commands=120, policy="always", shards=2):
    """A folder with the log of known commands, written by a server that was killed. With everysec it takes so long that the
    log has several epochs to be cut at; what remains is then a prefix of the order of all commands, whatever the shards."""
    chance = random.Random(seed)
    server = new_server(shards=shards, args={"appendonly": "yes", "appendfsync": policy})
    client = server.client()
    told = [random_command(chance, "", i) for i in range(commands)]
    for number, command in enumerate(told):
        client(*command)
        if policy == "everysec" and number % (commands // 3) == 0:
            time.sleep(1.1)
    server.kill()
    return server, told


def log_files(folder):
    return sorted(path for path in folder.glob("appendonlydir/*") if path.is_file())


def try_start(new_server, folder, shards=3):
    """(contents, server) when it starts on a copy of the folder, else (None, its log)."""
    server = new_server(start=False, shards=shards, args={"appendonly": "yes", "appendfsync": "always"}, folder=folder)
    server.start(wait=False)
    if server._wait_until_ready():
        return contents(server.client()), server
    status = server.process.poll()
    server.process = None
    assert status not in (0, None), "it ended as if all were well"
    assert status > 0, f"it died of signal {-status}:\n{server.log()}"
    return None, server.log()


def copy_of(server, tmp_path, name):
    folder = tmp_path / name
    shutil.copytree(server.folder, folder, ignore=shutil.ignore_patterns("sock", "server.log"))
    return folder


def check_outcome(new_server, folder, told, what):
    found, rest = try_start(new_server, folder)
    if found is None:
        assert len(rest.strip().splitlines()) >= 2, f"{what}: refused without a word"
        return "refused"
    length = prefix_length(World(), told, found)
    assert length is not None, f"{what}: what it serves is no prefix of what was written"
    rest.kill()
    return "all" if length == len(told) else "cut"


@pytest.mark.slow
def test_a_log_cut_anywhere_near_its_end(new_server, tmp_path, seed, long):
    server, told = make_log(new_server, seed, policy="everysec")
    outcomes = {}
    for path in log_files(server.folder):
        if path.suffix == ".manifest":
            continue
        size = path.stat().st_size
        step = max(1, int(7 / long))
        for cut in range(1, min(size, 160), step):
            folder = copy_of(server, tmp_path, f"{path.name}-{cut}")
            with open(folder / "appendonlydir" / path.name, "r+b") as file:
                file.truncate(size - cut)
            outcome = check_outcome(new_server, folder, told, f"{path.name} cut by {cut}")
            outcomes[outcome] = outcomes.get(outcome, 0) + 1
            shutil.rmtree(folder)
    print(outcomes)
    assert outcomes.get("cut", 0) > 0, "a torn tail of everysec's log has to be cut off, not refused"


@pytest.mark.slow
@pytest.mark.parametrize("filling", [b"\x00", b"\xff", None], ids=["zeros", "ones", "garbage"])
def test_a_tail_overwritten(new_server, tmp_path, seed, filling):
    server, told = make_log(new_server, seed, policy="everysec")
    chance = random.Random(seed)
    for path in log_files(server.folder):
        if path.suffix == ".manifest":
            continue
        size = path.stat().st_size
        for length in (1, 5, 30, 100, min(700, size)):
            folder = copy_of(server, tmp_path, f"{path.name}-{length}")
            with open(folder / "appendonlydir" / path.name, "r+b") as file:
                file.seek(size - length)
                file.write(filling * length if filling else bytes(chance.randrange(256) for _ in range(length)))
            check_outcome(new_server, folder, told, f"{path.name} overwritten for {length}")
            shutil.rmtree(folder)


@pytest.mark.slow
def test_zeros_behind_the_end_are_no_damage(new_server, tmp_path, seed):
    """A file that was preallocated, or whose size reached the disk before its data."""
    server, told = make_log(new_server, seed)
    for path in log_files(server.folder):
        if path.suffix != ".manifest":
            with open(path, "ab") as file:
                file.write(bytes(5000))
    found, rest = try_start(new_server, server.folder)
    assert found is not None, rest
    assert prefix_length(World(), told, found) == len(told)


@pytest.mark.slow
def test_one_flipped_bit_is_never_silently_different(new_server, tmp_path, seed, long):
    server, told = make_log(new_server, seed, commands=60, policy="everysec")
    chance = random.Random(seed)
    outcomes = {}
    for i in range(int(60 * long)):
        path = chance.choice(log_files(server.folder))
        folder = copy_of(server, tmp_path, f"flip{i}")
        data = bytearray(path.read_bytes())
        bit = chance.randrange(len(data) * 8)
        data[bit // 8] ^= 1 << (bit % 8)
        (folder / "appendonlydir" / path.name).write_bytes(data)
        outcome = check_outcome(new_server, folder, told, f"{path.name}, bit {bit} (seed {seed})")
        outcomes[outcome] = outcomes.get(outcome, 0) + 1
        shutil.rmtree(folder)
    print(outcomes)
    assert outcomes.get("refused", 0) + outcomes.get("cut", 0) > 0


@pytest.mark.slow
def test_a_missing_file_is_noticed(new_server, tmp_path, seed):
    server, told = make_log(new_server, seed)
    for path in log_files(server.folder):
        folder = copy_of(server, tmp_path, f"without-{path.name}")
        (folder / "appendonlydir" / path.name).unlink()
        before = {p.name: p.read_bytes() for p in log_files(folder)}
        found, rest = try_start(new_server, folder)
        assert found is None, f"started without {path.name}, with {len(found)} keys"
        assert path.name in rest or "manifest" in rest, f"it does not say which file is missing:\n{rest}"
        assert {p.name: p.read_bytes() for p in log_files(folder)} == before, "it changed what it refused to load"


@pytest.mark.slow
def test_strange_files_are_left_alone(new_server, seed):
    server, told = make_log(new_server, seed)
    strange = server.folder / "appendonlydir" / "appendonly.aof.99.0-of-2.seg"
    strange.write_bytes(b"not mine")
    found, rest = try_start(new_server, server.folder)
    assert found is not None, rest
    assert prefix_length(World(), told, found) == len(told)
    assert strange.read_bytes() == b"not mine"


@pytest.mark.slow
def test_files_of_another_server_are_refused(new_server, tmp_path, seed):
    """A segment swapped for the same one of a different log is not loaded."""
    first, told = make_log(new_server, seed, commands=80)
    second, _ = make_log(new_server, seed + 1, commands=80)
    segments = [path for path in log_files(first.folder) if path.suffix != ".manifest"]
    other = second.folder / "appendonlydir" / segments[0].name
    assert other.exists()
    folder = copy_of(first, tmp_path, "swapped")
    shutil.copy(other, folder / "appendonlydir" / segments[0].name)
    found, rest = try_start(new_server, folder)
    assert found is None or prefix_length(World(), told, found) is not None


@pytest.mark.slow
def test_damage_in_the_middle_is_refused(new_server, tmp_path, seed):
    """Below what was known to be durable nothing may be cut off quietly."""
    server, _ = make_log(new_server, seed, commands=200)
    for path in log_files(server.folder):
        if path.suffix == ".manifest":
            continue
        folder = copy_of(server, tmp_path, f"middle-{path.name}")
        data = bytearray(path.read_bytes())
        data[len(data) // 4] ^= 0x20
        (folder / "appendonlydir" / path.name).write_bytes(data)
        found, rest = try_start(new_server, folder)
        assert found is None, f"started with {len(found)} keys although {path.name} is damaged in its first half"
        assert path.name in rest, f"it does not name the file:\n{rest}"
