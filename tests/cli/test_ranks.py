"""Two processes under torchrun through the front door; one process goes on with their run."""

import os
import subprocess
import sys

from tests.cli.door import TINY, gantlet

_RUN = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2")
TORCHRUN = (sys.executable, *_RUN)


def test_two_processes_train_one_run_and_one_goes_on_with_it(workplace):
    words = ("train", "--samples", "256", *TINY)
    done = subprocess.run(
        [*TORCHRUN, "-m", "gantlet", *words],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("Finished at 256 samples") == 1
    answer = gantlet("train", "--samples", 384, *TINY)
    assert answer.code == 0
    assert "Going on from 256 to 384 samples" in answer.out
    assert [p.name for p in (workplace / "runs").iterdir()] == ["digits"]
