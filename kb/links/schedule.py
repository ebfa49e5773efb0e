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
from kb.links.hosts import Host, Rule
from kb.links.probe import Probe
from kb.links.verdict import Failure, Result
from kb.links.waiting import transient

Begin = Callable[[], Probe]
BLINK = 0.2  # seconds; the main thread wakes so often, to notice Ctrl-C and the end of the budget


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
        rule: Callable[[str], Rule],
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
        self.done: SimpleQueue[tuple[int, Result | BaseException]] = SimpleQueue()

    def run(
        self, jobs: Iterable[tuple[Begin, str]], *, deadline: float | None = None
    ) -> Iterator[tuple[int, Result]]:
        """Yield (number of the job, result) as they are done; ends early at `deadline`.

        A job is its conversation and the name of the host that is asked first.

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
                    key, result = self.done.get(timeout=BLINK)
                except Empty:
                    continue
                if isinstance(result, BaseException):
                    raise result
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
        """Seconds until something may be ready; None: until told."""
        moments = [entry[0] for entry in (self.heap[:1] + self.later[:1])]
        return max(0.0, min(moments) - now) if moments else None

    def _work(self) -> None:
        while (taken := self._take()) is not None:
            job, host = taken
            try:
                self._step(job, host)
            except BaseException as error:  # noqa: BLE001  (a fault of ours: the main thread raises it)
                self.done.put((job.key, error))
                return

    def _step(self, job: Job, host: Host) -> None:
        """Make one request and hand its answer on."""
        ended: Result | None = None
        if job.talk is None:
            job.talk = job.begin()
            job.ask = next(job.talk)
        assert job.ask is not None
        if job.ask.target.host != host.name:  # only as it begins can a talk tell where
            with self.changed:
                host.running -= 1
                self._offer(host)
                self._file(job, job.ask.target.host, first=True)
            return
        answer = self.ask(job.ask)
        try:
            job.ask = job.talk.send(answer)
        except StopIteration as stop:
            ended = stop.value
        with self.changed:
            now = monotonic()
            host.done(answer, now)
            self._offer(host)
            if ended is None and job.ask.after > 0:
                heapq.heappush(self.later, (now + job.ask.after, next(self.order), job))
                self.changed.notify()
            elif ended is None:
                self._file(job, job.ask.target.host, first=long(answer))
        if ended is not None:
            self.done.put((job.key, ended))
