"""How far a run is, on standard error."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from ..embed import watched


class Rate(ProgressColumn):
    """Prompts per second."""

    def render(self, task: Task) -> Text:
        """Show the rate of late, or of the whole run where it is over."""
        rate = task.finished_speed or task.speed
        return Text("–/s" if rate is None else f"{rate:,.0f}/s")


class Bar:
    """A bar over the prompts of a run, which moves on as texts are embedded."""

    def __init__(self, progress: Progress, prompts: int, done: int) -> None:
        """Start at `done` of `prompts`."""
        self._progress, self._done, self._most = progress, done, done
        self._task = progress.add_task("labelling", total=prompts, completed=done)

    @contextmanager
    def shard(self, prompts: int) -> Iterator[None]:
        """Move on while a shard is at work, by at most its prompts, and to its end after."""
        self._most = self._done + prompts
        at = self._done

        def advance(texts: int) -> None:
            nonlocal at
            at = min(at + texts, self._most)
            self._progress.update(self._task, completed=at)

        with watched(advance):
            yield
        self.done(prompts)

    def done(self, prompts: int) -> None:
        """Count a shard as done."""
        self._done += prompts
        self._progress.update(self._task, completed=self._done)


@contextmanager
def bar(prompts: int, done: int, show: bool) -> Iterator[Bar]:
    """Show a bar with rate and time left on standard error, or none."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        Rate(),
        TimeRemainingColumn(),
    )
    console = Console(stderr=True)
    with Progress(*columns, console=console, disable=not show, redirect_stdout=False) as progress:
        yield Bar(progress, prompts, done)
