# SPDX-License-Identifier: Apache-2.0
"""Starts a worker process for each port, all at once, and collects what they say."""

from __future__ import annotations

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Final

from qres_gateway.flash.job import (
    Done,
    Failed,
    Job,
    Message,
    Note,
    Outcome,
    Step,
    Task,
    decode_message,
    encode_task,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

__all__ = ["run_jobs", "run_task"]

_COMMAND: Final = (sys.executable, "-m", "qres_gateway.flash.worker")


def run_jobs(
    jobs: Sequence[Job],
    tell: Callable[[Job, Message], None],
    done: Callable[[Job, Done], None],
) -> tuple[Done | Failed, ...]:
    """
    Flash every board, all at the same time.

    Args:
        jobs: At least one.
        tell: Called with each message.
        done: Called with each success, as it comes. Neither is called twice at once.

    Returns:
        What became of each job, in their order.

    Raises:
        KeyboardInterrupt: Ctrl-C; every worker has been ended by then.
    """
    with _workers(len(jobs)) as workers, ThreadPoolExecutor(len(jobs)) as pool:
        one_at_a_time = threading.Lock()

        def pass_on(job: Job, message: Message) -> None:
            with one_at_a_time:
                tell(job, message)
                if isinstance(message, Done):
                    done(job, message)

        futures = [
            pool.submit(_follow, worker, job, partial(pass_on, job))
            for worker, job in zip(workers, jobs, strict=True)
        ]
        try:
            return tuple(_of_flashing(future.result()) for future in futures)
        except BaseException:
            for worker in workers:
                worker.kill()
            raise


def run_task(task: Task, tell: Callable[[Message], None]) -> Outcome:
    """
    Serve one board.

    Args:
        task: What to do.
        tell: Called with each message, the outcome last.

    Raises:
        KeyboardInterrupt: Ctrl-C; the worker has been ended by then.
    """
    with _workers(1) as (worker,):
        return _follow(worker, task, tell)


def _of_flashing(outcome: Outcome) -> Done | Failed:
    if isinstance(outcome, Done | Failed):
        return outcome
    raise TypeError(f"a worker that was to flash answered with {type(outcome).__name__}")


@contextmanager
def _workers(count: int) -> Iterator[list[subprocess.Popen[bytes]]]:
    """*count* workers that wait for a job; none is left when this ends."""
    workers: list[subprocess.Popen[bytes]] = []
    try:
        workers += [
            subprocess.Popen(  # noqa: S603  our own module
                _COMMAND,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
            for _ in range(count)
        ]
        yield workers
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()
            for pipe in (worker.stdin, worker.stdout, worker.stderr):
                if pipe is not None:
                    pipe.close()


def _follow(
    worker: subprocess.Popen[bytes], task: Task, tell: Callable[[Message], None]
) -> Outcome:
    """Give *worker* its task and pass on what it says, to the end."""
    if worker.stdin is None or worker.stdout is None or worker.stderr is None:
        raise RuntimeError("a worker was started without pipes")
    outcome: Outcome | None = None
    try:
        worker.stdin.write(encode_task(task))
        worker.stdin.close()
    except BrokenPipeError:
        pass  # it ended at once; its last words are below
    for line in worker.stdout:
        message = decode_message(line)
        if isinstance(message, Step | Note):
            tell(message)
        else:
            outcome = message
    if outcome is None:
        last = worker.stderr.read().decode("utf-8", errors="replace").strip().splitlines()
        said = last[-1] if last else f"exit code {worker.wait()}"
        outcome = Failed("worker", f"{task.port}: the flashing process ended early: {said}")
    tell(outcome)
    return outcome
