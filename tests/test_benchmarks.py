"""The benchmark of resuming, on three of its moments."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from benchmarks.kill import Moment, Reference, killed_and_resumed

PASSES = 20  # three checkpoints: at the start, after 8 passes, after 16; the end


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    return Reference.run(tmp_path_factory.mktemp("reference"), PASSES)


def test_a_checkpoint_is_written_in_the_order_that_survives_a_crash(reference):
    first = reference.calls[: reference.calls.index("rename draft") + 2]
    assert first == [
        "mkdir checkpoints",
        "mkdir draft",
        "fsync players.safetensors",
        "fsync averaged.safetensors",
        "fsync optimisers.safetensors",
        "fsync manifest.json",
        "fsync draft",
        "rmtree checkpoint",
        "rename draft",
        "fsync checkpoints",
    ]


def test_a_run_killed_anywhere_ends_with_the_bits_of_one_that_was_not(reference, tmp_path):
    renames = [i for i, call in enumerate(reference.calls) if call == "rename draft"]
    manifests = [i for i, call in enumerate(reference.calls) if call == "fsync manifest.json"]
    moments = [
        Moment("step", renames[1], "before the second checkpoint gets its name"),
        Moment("step", manifests[2], "before the third one's manifest is on the disk"),
        Moment("pass", 13, "in a pass between two checkpoints", 0.002),
    ]
    with ThreadPoolExecutor(2) as pool:
        equal = pool.map(lambda moment: killed_and_resumed(reference, tmp_path, moment), moments)
        assert list(equal) == [True, True, True]
