"""A signed bucket: whoever may write to it can keep updates from a device, and nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256

from reagent import log
from reagent.contracts.clock import Clock
from reagent.contracts.downloads import Brought, Downloads
from reagent.contracts.trust import Attested, Chain, Fetch, Rule, Verdict
from reagent.errors import TooLong, TooSlow, Untrusted
from reagent.model.device import Identity
from reagent.settings.environment import environment
from reagent.updates import channel
from reagent.updates.catalogue import Difference, Release
from reagent.updates.semver import Version, same
from reagent.updates.trust import document, policy, source, stages
from reagent.updates.trust.document import Channel, Listed
from reagent.updates.trust.memory import Memory

_log = log.get(__name__)


class SignedBucket:
    """Implements `updates.catalogue.Catalogue`.

    Args:
        attested: verifies metadata.
        memory: what this device has seen.
        downloads: the bucket.
        identity: who we are now: the channel and the bucket's address are the device file's.
        clock: time, as the device believes.
        synchronised: whether somebody who knows set it.
        remote: `-remoteUpdateURL`.
        read: told whenever the bucket was read, and believed.
        system: linux, windows, darwin.
        arch: as stamped by the build.
        within: seconds for each document.
    """

    def __init__(
        self,
        attested: Attested,
        memory: Memory,
        downloads: Downloads,
        identity: Callable[[], Identity],
        clock: Clock,
        *,
        synchronised: Callable[[], bool],
        remote: str,
        read: Callable[[], None],
        system: str,
        arch: str,
        within: float = source.WITHIN_S,
    ) -> None:
        self._attested = attested
        self._memory = memory
        self._downloads = downloads
        self._identity = identity
        self._clock = clock
        self._synchronised = synchronised
        self._remote = remote
        self._read = read
        self._system = system
        self._arch = arch
        self._within = within
        self._looking: asyncio.Task[Verdict] | None = None
        self._one = asyncio.Lock()
        self._verdict: Verdict | None = None
        self._document: tuple[str, bytes] | None = None
        self._back: frozenset[str] = frozenset()
        self._offered: tuple[str, ...] = ()

    async def latest(self) -> str:
        """See the contract."""
        verdict = await self._fresh()
        try:
            content = await self._rollout(document.listed(verdict.targets))
        except Untrusted as refused:
            await self._note(refused)
            raise
        channel = document.channel(content, environment(self._identity()))
        self._back = channel.back
        self._offered = _offered(channel)
        await asyncio.to_thread(self._memory.note, policy.cleared(self._memory.record))
        self._read()
        return self._for_us(channel, verdict)

    def is_ordered_back(self, running: str) -> bool:
        """See the contract."""
        return running in self._back

    def is_offered(self, version: str) -> bool:
        """See the contract: a stage's version is, whoever is in."""
        return any(same(version, each) for each in self._offered)

    async def release(self, version: str) -> Release:
        """See the contract; no look, where one came to its end already."""
        Version.parse(version)
        verdict = self._verdict or await self._fresh()
        path = channel.executable_path(version, system=self._system, arch=self._arch)
        try:
            target = policy.executable(
                verdict.targets, path, system=self._system, arch=self._arch, version=version
            )
        except Untrusted as refused:
            await self._note(refused)
            raise
        return Release(
            version=version,
            url=f"{self._base}/{channel.BUCKET}/{path}",
            sha256=target.sha256,
            size=target.length,
        )

    async def difference(self, release: Release, running: str) -> Difference | None:
        """See the contract: one that was signed for."""
        if self._verdict is None:
            return None
        path = channel.delta_path(release.version, running, system=self._system, arch=self._arch)
        what = {"product": policy.PRODUCT, "kind": "delta", "from": running}
        try:
            target = policy.vouched(self._verdict.targets, path, what)
        except Untrusted:
            return None
        url = f"{self._base}/{channel.BUCKET}/{path}"
        return Difference(url, target.length, target.sha256)

    async def vouched(self, path: str, brought: Brought) -> str:
        """See the contract. The metadata may be brought along; else the bucket's counts.

        What is brought along may have an expired timestamp: a stick is not signed anew every month.
        Nothing else of it is judged more kindly.

        Raises:
            Untrusted: nobody signed for it, or for another platform alone.
        """
        fetch = await source.beside(brought, path)
        if fetch is not None:
            verdict = await self._look(fetch, any_timestamp=True)
        else:
            verdict = await self._fresh()
        digest = await _digest(brought, path)
        return policy.by_digest(
            verdict.targets, digest, system=self._system, arch=self._arch
        ).sha256

    @property
    def _base(self) -> str:
        return channel.base_of(self._identity(), self._remote)

    def _for_us(self, channel: Channel, verdict: Verdict) -> str:
        stage = channel.stage
        if stage is None:
            return channel.version
        known = self._synchronised()
        told = policy.floor(self._memory.record, verdict.keys, verdict.signed)
        now = max(self._clock.now(), told) if known else told
        if stages.is_in(stage, self._identity().serial_number, now, knows_time=known):
            return stage.version
        _log.debug(
            "not our turn yet",
            version=stage.version,
            share=round(stages.share(stage, now), 4),
            held=stage.paused > 0,
        )
        return channel.version

    async def _fresh(self) -> Verdict:
        """One look at a time; who comes while one is on its way waits for that."""
        task = self._looking
        if task is None:
            fetch = source.in_bucket(self._downloads, self._base, self._within)
            task = asyncio.create_task(self._look(fetch), name="look at signed metadata")
            self._looking = task
            task.add_done_callback(self._looked)
        return await asyncio.shield(task)

    def _looked(self, task: asyncio.Task[Verdict]) -> None:
        self._looking = None
        if not task.cancelled():
            task.exception()  # whoever waited was told; nobody may be left to wait

    async def _look(self, fetch: Fetch, *, any_timestamp: bool = False) -> Verdict:
        """Look, hold it against what is known, and remember it; one after the other."""
        try:
            async with self._one:
                verdict = await self._believed(fetch, any_timestamp=any_timestamp)
        except Untrusted as refused:
            await self._note(refused)
            raise
        if not any_timestamp:
            self._verdict = self._ours_of(verdict)
        return verdict

    def _ours_of(self, verdict: Verdict) -> Verdict:
        """What is remembered of a verdict between looks: a fleet's whole list takes megabytes."""
        ours = f"{self._system}/{self._arch}/"
        targets = {path: each for path, each in verdict.targets.items() if path.startswith(ours)}
        return replace(verdict, chain=Chain(), targets=targets)

    async def _believed(self, fetch: Fetch, *, any_timestamp: bool) -> Verdict:
        known = await asyncio.to_thread(lambda: self._memory.chain)
        at = policy.moment(self._clock.now(), synchronised=self._synchronised())
        verdict = await self._attested.look(fetch, known, at=at, any_timestamp=any_timestamp)
        policy.demand(self._memory.record, verdict, at, any_timestamp=any_timestamp)
        record = policy.remembered(self._memory.record, verdict)
        # What was refused leaves everything but the roots as it was.
        chain = verdict.chain
        if verdict.refused is not None:
            chain = replace(known, roots={**known.roots, **chain.roots})
        await asyncio.to_thread(self._memory.keep, chain, record)
        await asyncio.to_thread(self._memory.let_go)
        if verdict.refused is not None:
            raise verdict.refused
        return verdict

    async def _rollout(self, wanted: Listed) -> bytes:
        """The document that was signed for; asked for again only when another one is."""
        if self._document is not None and self._document[0] == wanted.target.sha256:
            return self._document[1]
        url = f"{self._base}/{channel.BUCKET}/{wanted.path}"
        try:
            content = await self._downloads.document(
                url, most=wanted.target.length, within=self._within
            )
        except TooLong as error:
            raise Untrusted(Rule.ENDLESS_DATA, str(error)) from error
        except TooSlow as error:
            raise Untrusted(Rule.SLOW_RETRIEVAL, str(error)) from error
        document.demand_content(wanted, content)
        self._document = (wanted.target.sha256, content)
        return content

    async def _note(self, refused: Untrusted) -> None:
        record = policy.noted(self._memory.record, refused, self._clock.now())
        await asyncio.to_thread(self._memory.note, record)


def _offered(channel: Channel) -> tuple[str, ...]:
    stage = channel.stage
    if stage is None or not stages.is_offered(stage):
        return (channel.version,)
    return channel.version, stage.version


async def _digest(brought: Brought, path: str) -> str:
    digest = sha256()
    async with brought.file(path) as file:
        async for block in file.blocks():
            digest.update(block.content)
    return digest.hexdigest()
