"""What a run finds of the machine it is on, and what it leaves behind."""

import os
from dataclasses import replace

import pytest
import torch

from gantlet import processors
from gantlet.config import Train
from gantlet.errors import UsageError
from gantlet.processors import granted_memory, granted_threads
from gantlet.training import machine
from gantlet.training.machine import Machine, environment, find_device, find_machine, settled


@pytest.fixture
def place(monkeypatch):
    """A made-up machine: what its files say, how many processors the process may use."""
    files = {}
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.delenv("LOCAL_WORLD_SIZE", raising=False)
    for module in (processors, machine):
        monkeypatch.setattr(module, "words", lambda path: files.get(path, "").split())
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(16)), raising=False)
    return files


QUOTA = "/sys/fs/cgroup/cpu.max"


@pytest.mark.parametrize(
    ("quota", "threads"),
    [("max 100000", 16), ("200000 100000", 2), ("150000 100000", 2), ("5000 100000", 1), ("", 16)],
)
def test_a_quota_of_processor_time_bounds_the_threads(place, quota, threads):
    place[QUOTA] = quota
    assert granted_threads() == threads


@pytest.mark.parametrize(("quota", "threads"), [("-1", 16), ("300000", 3)])
def test_a_quota_of_the_older_kind_does_so_too(place, quota, threads):
    place["/sys/fs/cgroup/cpu/cpu.cfs_quota_us"] = quota
    place["/sys/fs/cgroup/cpu/cpu.cfs_period_us"] = "100000"
    assert granted_threads() == threads


def test_the_quota_of_each_group_above_counts(place):
    place["/proc/self/cgroup"] = "1:cpu:/old\n0::/user.slice/session"
    place["/sys/fs/cgroup/user.slice/cpu.max"] = "400000 100000"
    assert granted_threads() == 4
    place["/sys/fs/cgroup/user.slice/session/cpu.max"] = "300000 100000"
    assert granted_threads() == 3
    place[QUOTA] = "200000 100000"
    assert granted_threads() == 2


def test_processes_share_the_processors_and_each_has_its_own_bound(place, monkeypatch):
    assert [granted_threads(n) for n in (2, 4, 32)] == [8, 4, 1]
    monkeypatch.setenv("OMP_NUM_THREADS", "4")
    assert [granted_threads(n) for n in (1, 2, 8)] == [4, 4, 2]


def test_memory_is_what_the_machine_has_and_the_groups_grant(place, monkeypatch):
    monkeypatch.setattr(os, "sysconf", {"SC_PHYS_PAGES": 1 << 20, "SC_PAGE_SIZE": 4096}.get)
    assert granted_memory() == 4 << 30
    place["/sys/fs/cgroup/memory.max"] = "max"
    assert granted_memory() == 4 << 30
    place["/sys/fs/cgroup/memory/memory.limit_in_bytes"] = str(3 << 30)
    assert granted_memory() == 3 << 30
    place["/proc/self/cgroup"] = "0::/job"
    place["/sys/fs/cgroup/job/memory.max"] = str(2 << 30)
    assert granted_memory() == 2 << 30
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    found = find_device(Train(device="cpu"))
    assert (found.kind, found.memory, found.ranks) == ("processors", 1 << 30, 1)


@pytest.mark.parametrize(
    ("value", "threads"), [("3", 3), ("64", 16), ("2,4", 2), ("0", 16), ("many", 16)]
)
def test_the_environment_may_lower_the_threads(place, monkeypatch, value, threads):
    monkeypatch.setenv("OMP_NUM_THREADS", value)
    assert granted_threads() == threads


def test_affinity_and_the_number_of_ranks_share_the_processors(place, monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {3, 5, 7, 9, 11, 13}, raising=False)
    assert find_machine(Train(device="cpu")).threads == 6
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "4")
    assert find_machine(Train(device="cpu")).threads == 1
    assert find_machine(Train(device="cpu", threads=5)).threads == 5


def test_files_that_are_not_there_are_no_quota():
    assert processors.words("/no/such/file") == []
    assert granted_threads() >= 1


@pytest.mark.parametrize(
    ("flags", "precision"),
    [("fpu avx2 avx512f", "float32"), ("fpu avx512_bf16", "bfloat16"), ("amx_bf16", "bfloat16")],
)
def test_bfloat16_is_chosen_where_the_processor_has_it(place, flags, precision):
    place["/proc/cpuinfo"] = f"flags : {flags}"
    assert find_machine(Train(device="cpu")).precision == precision
    assert find_machine(Train(device="cpu", precision="float64")).precision == "float64"


def test_weights_are_float32_under_bfloat16():
    assert [Machine("cpu", p, 1).dtype for p in ("float32", "bfloat16", "float64")] == [
        torch.float32,
        torch.float32,
        torch.float64,
    ]
    a = torch.ones(2, 2)
    for precision, dtype in (("bfloat16", torch.bfloat16), ("float32", torch.float32)):
        with Machine("cpu", precision, 1).autocast():
            assert (a @ a).dtype == dtype


@pytest.mark.parametrize("device", ["tpu", "meta", "cuda:banana", "", "xpu"])
def test_a_device_that_is_not_here_is_an_error_that_says_what_is(device):
    with pytest.raises(UsageError, match=r"setting train.device.*one of cpu") as error:
        find_machine(Train(device=device))
    assert error.value.exit_code == 2


def test_more_processes_than_devices_are_told_before_anything_begins(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setenv("LOCAL_RANK", "2")
    for device in ("auto", "cuda"):
        with pytest.raises(UsageError, match=r"cpu, cuda:0, cuda:1, received cuda:2.*one process"):
            find_machine(Train(device=device))
    assert find_machine(Train(device="cpu")).device == "cpu"


def test_mps_computes_in_float32_with_channels_first(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    machine = find_machine(Train())
    assert (machine.device, machine.precision) == ("mps", "float32")
    assert machine.layout(Train()) is torch.contiguous_format
    with pytest.raises(UsageError, match=r"mps, which has no float64"):
        find_machine(Train(precision="float64"))
    monkeypatch.setattr("gantlet.dist.world", lambda: 2)
    assert find_machine(Train()).device == "cpu"  # gloo moves no tensors of mps


@pytest.mark.parametrize("last", [True, False])
def test_elsewhere_the_layout_is_the_settings(last):
    wanted = torch.channels_last if last else torch.contiguous_format
    for device in ("cpu", "cuda:0"):
        machine = Machine(device, "float32", 1)
        assert machine.layout(Train(channels_last=last)) is wanted


def test_cuda_and_mps_are_refused_where_they_are_not(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    for device in ("cuda", "cuda:1", "mps"):
        with pytest.raises(UsageError, match=r"one of cpu, received"):
            find_machine(Train(device=device))
    assert find_machine(Train()).device == "cpu"


def switches():
    return (
        torch.get_num_threads(),
        float(torch.full((), 1e-39) * 0.5) == 0,
        torch.backends.cuda.matmul.allow_tf32,
        torch.backends.cudnn.allow_tf32,
        torch.backends.cudnn.benchmark,
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
    )


@pytest.mark.parametrize("deterministic", [False, True])
def test_a_run_settles_the_process_and_puts_it_back(deterministic, monkeypatch):
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    before = switches()
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.backends.cudnn.benchmark = deterministic
    warned = switches()
    train = replace(Train(), deterministic=deterministic)
    inside = []

    def run():
        with settled(Machine("cpu", "float32", 2), train):
            inside.append(switches())
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run()
    assert switches() == warned
    torch.use_deterministic_algorithms(before[5], warn_only=before[6])
    torch.backends.cudnn.benchmark = before[4]
    assert inside[0][:5] == (2, True, False, False, not deterministic)
    if deterministic:
        assert inside[0][5:] == (True, False)


@pytest.mark.parametrize("asked", ["conv", "matmul"])
def test_what_torchs_newer_switches_say_is_put_back(asked):
    """Torch's older ones raise, once the newer ones have said what they cannot."""
    backend = {"conv": torch.backends.cudnn.conv, "matmul": torch.backends.cuda.matmul}[asked]
    wanted = {"conv": "ieee", "matmul": "tf32"}[asked]
    older = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    three = (torch.backends.cuda.matmul, torch.backends.cudnn.conv, torch.backends.cudnn.rnn)
    backend.fp32_precision = wanted
    try:
        outside = [one.fp32_precision for one in three]
        with settled(Machine("cpu", "float32", 1), Train()):
            assert "tf32" not in [one.fp32_precision for one in three]
        assert [one.fp32_precision for one in three] == outside
        assert backend.fp32_precision == wanted
    finally:
        torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = older


def test_the_record_names_versions_and_processor():
    found = environment()
    assert found["torch"] == torch.__version__
    assert all(isinstance(value, str) and value for value in found.values())
    assert Machine(**Machine("cpu", "float32", 2).to_json()) == Machine("cpu", "float32", 2)
