"""The same commands to Basalt and to stock Redis: the replies must be the same bytes."""

from pathlib import Path

import pytest

from script import differences, play, read_script

SECTIONS = [section for path in sorted(Path(__file__).parent.glob("scripts/*.txt")) for section in read_script(path)]


@pytest.mark.parametrize("section, resp", [pytest.param(section, resp, id=f"{section.name}-resp{resp}")
                                           for section in SECTIONS for resp in section.resps])
def test_answers_like_redis(section, server, resp, redis_oracle, redis_answers):
    key = (section.path, section.title, resp)
    if key not in redis_answers:
        redis_answers[key] = play(redis_oracle, section, resp)
    theirs = redis_answers[key]
    ours = play(server, section, resp, theirs)
    found = differences(section, ours, theirs)
    assert not found, f"{len(found)} answers differ from those of Redis:\n" + "\n".join(found)
