"""Many conversations at once, each host at its own pace, and no thread ever sleeping for a host.

A worker takes the host that is ready first, makes one request for one link, hands the answer to
that link's conversation and files its next request under its next host. A host that rests costs
nothing; a redirect to another host waits for that host's turn.
"""

import heapq
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import count
from queue import Empty, SimpleQueue
from time import monotonic

from kb.links.client import Answer, Ask
from kb.links.pace import Host, HostRule, transient
from kb.links.probe import Probe
from kb.links.verdict import Failure, Result

Begin = Callable[[], Probe]
POLL = 0.2  # seconds; the main thread wakes so often, to notice Ctrl-C and the end of the budget


def long(answer: Answer) -> bool:
    """Whether a link may need retries, or run out of time again: it goes before those not begun.

    All others can wait for their next request; so nobody waits for the slow ones at the end.
    """
    return answer.failure is Failure.TIMEOUT or transient(answer)


@dataclass(slots=True)
class Job:
    """One link under way: its conversation and the request it wants to make next."""

    key: int
    begin: Begin
    talk: Probe | None = None
    ask: Ask | None = None


class Scheduler:
    """Runs conversations over `ask` with at most `workers` requests at once."""

    def __init__(
        self,
        ask: Callable[[Ask], Answer],
        rule: Callable[[str], HostRule],
        *,
        workers: int = 64,
        longest: float = 60.0,
    ) -> None:
        self.ask, self.rule, self.workers, self.longest = ask, rule, workers, longest
        self.hosts: dict[str, Host] = {}
        self.heap: list[tuple[float, int, Host]] = []  # hosts by the moment they are ready
        self.later: list[tuple[float, int, Job]] = []  # jobs that wait before their next request
        self.order = count()
        self.changed = threading.Condition()
        self.stopped = False
        self.done: SimpleQueue[tuple[int, Result | Exception]] = SimpleQueue()

    def run(
        self, jobs: Iterable[tuple[Begin, str]], *, deadline: float | None = None
    ) -> Iterator[tuple[int, Result | Exception]]:
        """Yield (number of the job, result) as they are done; ends early at `deadline`.

        A job is its conversation and the name of the host that is asked first. What a conversation
        raises is its result: it ends that job and no other.

        Closing the iterator, as Ctrl-C does, stops the work: requests under way are abandoned.
        """
        left = 0
        with self.changed:
            for key, (begin, name) in enumerate(jobs):
                self._file(Job(key, begin), name, first=False)
                left += 1
        for _ in range(min(self.workers, left)):
            threading.Thread(target=self._work, daemon=True).start()
        try:
            while left and (deadline is None or monotonic() < deadline):
                try:
                    key, result = self.done.get(timeout=POLL)
                except Empty:
                    continue
                left -= 1
                yield key, result
        finally:
            with self.changed:
                self.stopped = True
                self.changed.notify_all()

    def _file(self, job: Job, name: str, *, first: bool) -> None:
        """Put a job into its host's queue. Caller holds the lock."""
        host = self.hosts.get(name)
        if host is None:
            host = self.hosts[name] = Host(name, self.rule(name), self.longest)
        if first:
            host.queue.appendleft(job)
        else:
            host.queue.append(job)
        self._offer(host)

    def _offer(self, host: Host) -> None:
        """Let workers see a host that has work and room. Caller holds the lock."""
        if host.open and not host.listed:
            host.listed = True
            heapq.heappush(self.heap, (host.ready, next(self.order), host))
            self.changed.notify()

    def _take(self) -> tuple[Job, Host] | None:
        """The next request to make; waits for one. None when the run is over."""
        with self.changed:
            while not self.stopped:
                now = monotonic()
                self._wake(now)
                if self.heap and (host := self.heap[0][2]).ready <= now:
                    heapq.heappop(self.heap)
                    host.listed = False
                    if not host.open:
                        continue
                    job: Job = host.queue.popleft()
                    host.start(now)
                    self._offer(host)
                    return job, host
                self.changed.wait(self._pause(now))
        return None

    def _wake(self, now: float) -> None:
        """File the jobs whose wait is over, and hosts whose moment has been put off."""
        while self.later and self.later[0][0] <= now:
            _, _, job = heapq.heappop(self.later)
            assert job.ask is not None
            self._file(job, job.ask.target.host, first=True)
        while self.heap and self.heap[0][0] < self.heap[0][2].ready:
            _, _, host = heapq.heappop(self.heap)
            heapq.heappush(self.heap, (host.ready, next(self.order), host))

    def _pause(self, now: float) -> float | None:
        """Seconds until something may be ready; None: until woken."""
        moments = [entry[0] for entry in (self.heap[:1] + self.later[:1])]
        return max(0.0, min(moments) - now) if moments else None

    def _work(self) -> None:
        while (taken := self._take()) is not None:
            job, host = taken
            answer: Answer | None = None
            try:
                if job.talk is None:
                    job.talk = job.begin()
                    job.ask = next(job.talk)
                assert job.ask is not None
                if job.ask.target.host != host.name:  # only as it begins can a talk tell where
                    self._move(job, host)
                    continue
                answer = self.ask(job.ask)
                job.ask = job.talk.send(answer)
            except StopIteration as stop:
                self._end(job, host, answer, stop.value)
            except Exception as error:  # noqa: BLE001  (whatever one link raises is its own result)
                self._end(job, host, answer, error)
            else:
                self._continue(job, host, answer)

    def _move(self, job: Job, host: Host) -> None:
        """File a job under the host that it really asks."""
        assert job.ask is not None
        with self.changed:
            host.running -= 1
            self._offer(host)
            self._file(job, job.ask.target.host, first=True)

    def _end(
        self, job: Job, host: Host, answer: Answer | None, result: "Result | Exception"
    ) -> None:
        """Hand a job's result on, and give its place at the host to the next."""
        with self.changed:
            self._release(host, answer)
        self.done.put((job.key, result))

    def _continue(self, job: Job, host: Host, answer: Answer) -> None:
        """File a job's next request, now or when its wait is over."""
        assert job.ask is not None
        with self.changed:
            self._release(host, answer)
            if job.ask.after > 0:
                heapq.heappush(self.later, (monotonic() + job.ask.after, next(self.order), job))
                self.changed.notify()
            else:
                self._file(job, job.ask.target.host, first=long(answer))

    def _release(self, host: Host, answer: Answer | None) -> None:
        """Count a request as ended. Caller holds the lock."""
        if answer is None:
            host.running -= 1
        else:
            host.done(answer, monotonic())
        self._offer(host)
