"""The command line: each command parses, calls one function and prints."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import sys
import threading
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup

# Only what is light may be imported here: `capscope --help` answers before torch is found.
from .data.errors import CapscopeError, InputError, Terminated, unwritable

if TYPE_CHECKING:
    from .data import ReadOptions


class Commands(TyperGroup):
    """A command group that turns the user's mistakes into one message and exit code 2."""

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401
        """Run the command that was asked for."""
        try:
            with terminable():
                return super().invoke(ctx)
        except CapscopeError as error:
            end(2, str(error), error)
        except KeyboardInterrupt as stop:
            end(143 if isinstance(stop, Terminated) else 130, "stopped", stop)
        except BrokenPipeError:
            sys.stderr.close()
            raise typer.Exit(0) from None
        except OSError as error:
            if (mistake := unwritable(error)) is None:
                raise
            discard_output()
            end(2, str(mistake), error)


def end(code: int, message: str, cause: BaseException) -> NoReturn:
    """Say in one line why the command ends, and end it."""
    notes = getattr(cause, "__notes__", [])
    typer.echo("capscope: " + "; ".join([message, *notes]), err=True)
    raise typer.Exit(code) from cause


@contextlib.contextmanager
def terminable() -> Iterator[None]:
    """Make SIGTERM an exception, where that can be."""

    def terminate(number: int, frame: object) -> NoReturn:
        raise Terminated

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def discard_output() -> None:
    """Let go of what standard output would not take, so that it is not tried again at exit."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


app = typer.Typer(
    cls=Commands, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False
)

indicators = typer.Typer(
    no_args_is_help=True, help="Share a campaign's signs without its prompts or accounts."
)
app.add_typer(indicators, name="indicators")


class Unit(StrEnum):
    """What a record of `coverage` is about."""

    account = "account"
    session = "session"
    group = "group"


class By(StrEnum):
    """What is judged or measured."""

    session = "session"
    account = "account"


class Engine(StrEnum):
    """Where `label` works."""

    local = "local"
    ray = "ray"


class Search(StrEnum):
    """How an index is searched."""

    auto = "auto"
    flat = "flat"
    ivf = "ivf"


Inputs = Annotated[
    list[str], typer.Argument(help="Files, folders, globs, or - for standard input.")
]
Strict = Annotated[bool, typer.Option("--strict", help="Stop at the first bad row.")]
FormatName = Annotated[str, typer.Option(help="A log format, or auto; see capscope formats.")]
Gap = Annotated[str, typer.Option(help="Pause that opens a session, such as 30m, 2h or 90s.")]
Redact = Annotated[
    bool, typer.Option("--redact", help="Mask e-mail, phone and card numbers and keys in prompts.")
]
HashAccounts = Annotated[
    Path | None,
    typer.Option(help="A file with a secret key; account ids become their HMAC under it."),
]
Weights = Annotated[
    Path | None,
    typer.Option(help="Folder with the encoder; else the installed package, else the hub."),
]
Cache = Annotated[
    Path | None,
    typer.Option(
        envvar="CAPSCOPE_CACHE",
        help="Folder where vectors are kept from run to run, by hash of their text.",
    ),
]
IndexFolder = Annotated[Path, typer.Option("--index", help="The index's folder.")]
Output = Annotated[
    Path | None,
    typer.Option("--output", "-o", help="A .jsonl, .csv or .parquet file; else JSON lines."),
]
ModelFolder = Annotated[
    Path | None, typer.Option("--model", help="A model folder; else the shipped one.")
]
Labels = Annotated[
    Path | None, typer.Option(help="A file with session_id and label, instead of the column.")
]


@app.callback()
def main() -> None:
    """Tell organic use of a language model from curriculum-style extraction.

    capscope raises alerts with evidence. A person decides.
    """


@app.command("label")
def label_command(
    inputs: Inputs,
    output: Output = None,
    model: ModelFolder = None,
    by: Annotated[By, typer.Option(help="One record per session, or per account.")] = By.session,
    max_fpr: Annotated[
        float | None, typer.Option(help="Promised rate of false positives; else the model's own.")
    ] = None,
    exact: Annotated[
        bool, typer.Option("--exact", help="Have the transformer read every prompt.")
    ] = False,
    campaigns: Annotated[
        bool,
        typer.Option("--campaigns", help="Find groups of accounts first, and judge by them too."),
    ] = False,
    engine: Annotated[
        Engine, typer.Option(help="Work in this process, or on a Ray cluster (RAY_ADDRESS).")
    ] = Engine.local,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with a run that was cut off.")
    ] = False,
    weights: Weights = None,
    cache: Cache = None,
    format: FormatName = "auto",
    gap: Gap = "30m",
    strict: Strict = False,
    redact: Redact = False,
    hash_accounts: HashAccounts = None,
) -> None:
    """Label every session, or account, with its evidence."""
    from .classify import label_files, verdict_table

    summary = label_files(
        inputs,
        output,
        model=model,
        by=by.value,
        max_fpr=max_fpr,
        exact=exact,
        campaigns=campaigns,
        weights=weights,
        cache=cache,
        reading=reading(format, gap, strict, redact, hash_accounts),
        engine=engine.value,
        resume=resume,
    )
    show(verdict_table(summary))
    say(summary.skipped + (f"; records in {output}" if output else ""))


@app.command("index")
def index_command(
    inputs: Inputs,
    index: IndexFolder,
    search: Annotated[
        Search | None,
        typer.Option(help="How it is searched: exactly, by inverted lists, or by its size."),
    ] = None,
    weights: Weights = None,
    cache: Cache = None,
    format: FormatName = "auto",
    gap: Gap = "30m",
    strict: Strict = False,
    redact: Redact = False,
    hash_accounts: HashAccounts = None,
) -> None:
    """Embed prompts and add them to an index; the same input again changes nothing."""
    from .data import read_traffic
    from .embed import open_encoder
    from .index import add

    traffic = read_traffic(inputs, reading(format, gap, strict, redact, hash_accounts))
    added = add(index, traffic, open_encoder(weights, cache), search.value if search else None)
    say(
        f"{added.added:,} prompts added, {added.known:,} known already, "
        f"{added.total:,} in {index}; " + traffic.skipped.describe()
    )


@app.command("similar")
def similar_command(
    index: IndexFolder,
    text: Annotated[str | None, typer.Argument(help="What to look for.")] = None,
    texts: Annotated[Path | None, typer.Option(help="A file with one text a line.")] = None,
    row: Annotated[
        str | None, typer.Option("--id", help="The id of an indexed row, as records name it.")
    ] = None,
    k: Annotated[int, typer.Option("-k", min=1, help="How many prompts.")] = 10,
    min_similarity: Annotated[
        float, typer.Option(min=-1.0, max=1.0, help="The lowest cosine similarity.")
    ] = -1.0,
    account: Annotated[str | None, typer.Option(help="Of this account only.")] = None,
    session: Annotated[str | None, typer.Option(help="Of this session only.")] = None,
    model: Annotated[str | None, typer.Option(help="Sent to this model only.")] = None,
    since: Annotated[str | None, typer.Option(help="Not before this ISO 8601 time.")] = None,
    until: Annotated[str | None, typer.Option(help="Not after this ISO 8601 time.")] = None,
    label: Annotated[str | None, typer.Option(help="With this label in the traffic.")] = None,
    table: Annotated[
        bool, typer.Option("--table", help="Show a table instead of JSON lines.")
    ] = False,
    weights: Weights = None,
    cache: Cache = None,
) -> None:
    """Find the indexed prompts most like a text, like each line of a file, or like a prompt."""
    from .index import Filter, find_similar, similar_table

    where = Filter(account, utc(since), utc(until), label, session, model)
    records = find_similar(
        index,
        text,
        texts,
        row,
        k=k,
        where=where,
        least=min_similarity,
        weights=weights,
        cache=cache,
    )
    if table:
        show(similar_table(records), stdout=True)
    else:
        print_records(records)


@app.command("forget")
def forget_command(
    index: IndexFolder,
    account: Annotated[str | None, typer.Option(help="The prompts of this account.")] = None,
    before: Annotated[
        str | None, typer.Option(help="The prompts from before this ISO 8601 time.")
    ] = None,
) -> None:
    """Hide an account's prompts, or old ones, or an account's old ones, from an index."""
    from .index import forget

    done = forget(index, account, utc(before))
    say(
        f"{done.forgotten:,} prompts forgotten, {done.total:,} left in {index}"
        + ("; capscope compact takes them off the disk" if done.forgotten else "")
    )


@app.command("compact")
def compact_command(index: IndexFolder) -> None:
    """Take forgotten prompts off the disk and make the index one segment."""
    from .index import compact

    say(f"{compact(index):,} forgotten prompts removed from {index}")


@app.command("info")
def info_command(
    path: Annotated[Path, typer.Argument(help="The folder of an index or a model.")],
    verify: Annotated[
        bool, typer.Option("--verify", help="Check every file by its sha-256.")
    ] = False,
) -> None:
    """Say what an index or a model folder is and, if asked, whether it is whole."""
    from .data import describe_folder

    print_records([describe_folder(path, verify)])


@app.command("clusters")
def clusters_command(
    index: IndexFolder,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Forget the clusters found before, with their ids.")
    ] = False,
    weights: Weights = None,
    cache: Cache = None,
) -> None:
    """Show what the indexed traffic is made of; clusters keep ids and names over batches."""
    from .embed import open_encoder
    from .index import AreaMap, cluster_index, describe, open_index

    opened = open_index(index)
    encoder = open_encoder(weights, cache)
    opened.check_encoder(encoder)
    found, names = cluster_index(opened, index / "clusters", fresh)
    print_records(describe(opened, found, names, AreaMap.embedded(encoder)))
    say(f"{(found.labels < 0).mean():.0%} of {len(found.labels):,} distinct prompts are noise")


@app.command("map")
def map_command(
    index: IndexFolder,
    output: Annotated[Path, typer.Option("--output", "-o", help="A .svg or .png file.")],
    data: Annotated[
        Path | None, typer.Option(help="A .parquet or .jsonl file for the points.")
    ] = None,
    weights: Weights = None,
    cache: Cache = None,
) -> None:
    """Draw the indexed prompts in two dimensions, coloured by cluster."""
    from .embed import open_encoder
    from .index import AreaMap, check_map_outputs, cluster_index, map_index, open_index, write_map

    check_map_outputs(output, data)
    opened = open_index(index)
    encoder = open_encoder(weights, cache)
    opened.check_encoder(encoder)
    found, names = cluster_index(opened, index / "clusters")
    positions = map_index(opened, found.labels, index / "map").points
    write_map(opened, positions, found, names, AreaMap.embedded(encoder), output, data)
    say(f"{len(found.labels):,} distinct prompts in {output}")


@app.command("coverage")
def coverage_command(
    index: IndexFolder,
    account: Annotated[
        list[str] | None, typer.Option(help="The sessions of this account; may be given again.")
    ] = None,
    accounts: Annotated[
        Path | None, typer.Option(help="A file of account ids, one a line.")
    ] = None,
    by: Annotated[
        Unit | None,
        typer.Option(help="A record for each account, each session, or one for all together."),
    ] = None,
    since: Annotated[str | None, typer.Option(help="Not before this ISO 8601 time.")] = None,
    until: Annotated[str | None, typer.Option(help="Not after this ISO 8601 time.")] = None,
    prompts: Annotated[
        int | None,
        typer.Option(min=2, help="Prompts that all are brought to; else 20, or 10 for sessions."),
    ] = None,
    weights: Weights = None,
    cache: Cache = None,
) -> None:
    """Rank accounts, sessions or a group by how they cover the capability areas."""
    from .embed import open_encoder
    from .index import Scope, coverage_records, open_index, read_accounts

    named = (*(account or ()), *(read_accounts(accounts) if accounts else ()))
    unit = by or (Unit.session if account else Unit.account)
    scope = Scope(named, unit.value, utc(since), utc(until), prompts)
    print_records(coverage_records(open_index(index), open_encoder(weights, cache), scope))


@app.command("campaigns")
def campaigns_command(
    inputs: Annotated[
        list[str] | None, typer.Argument(help="Files, folders, globs, or - for standard input.")
    ] = None,
    index: Annotated[
        Path | None, typer.Option("--index", help="An index's folder, instead of inputs.")
    ] = None,
    output: Output = None,
    model: ModelFolder = None,
    launch: Annotated[
        list[str] | None,
        typer.Option(help="MODEL=TIME of a launch, may be given again; else those it shows."),
    ] = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Forget the index's groups found before, and their ids.")
    ] = False,
    weights: Weights = None,
    cache: Cache = None,
    format: FormatName = "auto",
    gap: Gap = "30m",
    strict: Strict = False,
    redact: Redact = False,
    hash_accounts: HashAccounts = None,
) -> None:
    """Find groups of accounts that move together, with the reasons for each link."""
    from .classify.campaigns import campaign_files, campaign_table

    found, skipped = campaign_files(
        inputs or [],
        output,
        index=index,
        fresh=fresh,
        model=model,
        launches=launch or [],
        weights=weights,
        cache=cache,
        reading=reading(format, gap, strict, redact, hash_accounts),
    )
    show(campaign_table(found))
    say(skipped + (f"; records in {output}" if output else ""))


@indicators.command("export")
def export_command(
    group: Annotated[str, typer.Argument(help="The campaign_id of a group of the index.")],
    index: IndexFolder,
    output: Annotated[Path, typer.Option("--output", "-o", help="A .json file.")],
    model: ModelFolder = None,
    launch: Annotated[
        list[str] | None,
        typer.Option(help="MODEL=TIME of a launch, as it was given to campaigns."),
    ] = None,
    with_hashed_accounts: Annotated[
        Path | None,
        typer.Option(help="A file with a secret key; also tell account ids, as HMAC under it."),
    ] = None,
    weights: Weights = None,
    cache: Cache = None,
) -> None:
    """Write a group's signs as a STIX 2.1 bundle, without its prompts or accounts."""
    from .classify.indicators import export_file

    profile = export_file(
        group,
        index,
        output,
        model=model,
        launches=launch or [],
        hashed_accounts=with_hashed_accounts,
        weights=weights,
        cache=cache,
    )
    outside = profile.outside
    say(
        f"{len(profile.skeletons)} templates of {profile.accounts:,} accounts in {output}, "
        f"TLP:AMBER; {outside.matched:,} of {outside.accounts:,} other accounts match them"
    )
    if profile.label != "extraction":
        say(f"The model does not take this group for extraction: its label is {profile.label}.")


@indicators.command("match")
def match_command(
    bundle: Annotated[Path, typer.Argument(help="A bundle that indicators export wrote.")],
    index: IndexFolder,
    output: Output = None,
    weights: Weights = None,
    cache: Cache = None,
) -> None:
    """Find the accounts of an index whose traffic fits another's bundle."""
    from .classify.indicators import match_bundle, match_table

    matched = match_bundle(bundle, index, output, weights=weights, cache=cache)
    show(match_table(matched))


@app.command("convert")
def convert_command(
    inputs: Inputs,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="A .parquet, .csv or .jsonl file.")
    ],
    format: FormatName = "auto",
    gap: Gap = "30m",
    strict: Strict = False,
    redact: Redact = False,
    hash_accounts: HashAccounts = None,
) -> None:
    """Write any log as the canonical table."""
    from .data import convert

    options = reading(format, gap, strict, redact, hash_accounts)
    say(convert(inputs, output, options).describe())


@app.command("formats")
def formats_command() -> None:
    """List the log formats that can be read."""
    from .data import load_formats

    print_records(
        {"format": f.name, "fields": f.fields, "about": f.about} for f in load_formats().values()
    )


@app.command("train")
def train_command(
    inputs: Inputs,
    output: Annotated[Path, typer.Option("--output", "-o", help="The new model's folder.")],
    accounts: Annotated[
        list[str] | None,
        typer.Option(
            help="Labelled traffic whose accounts of 200 prompts or more are learned from as a "
            "whole; may be given again."
        ),
    ] = None,
    beside: Annotated[
        list[str] | None,
        typer.Option(
            help="Labelled traffic that is learned from as well, such as simulated sessions, and "
            "that no promise rests on; may be given again."
        ),
    ] = None,
    accounts_beside: Annotated[
        list[str] | None,
        typer.Option(help="The same, of accounts beside --accounts; may be given again."),
    ] = None,
    labels: Labels = None,
    weights: Weights = None,
    cache: Cache = None,
    format: FormatName = "auto",
    gap: Gap = "30m",
    strict: Strict = False,
    redact: Redact = False,
    hash_accounts: HashAccounts = None,
) -> None:
    """Train a model on labelled traffic."""
    from .classify import train_files

    say(
        train_files(
            inputs,
            output,
            accounts=accounts or (),
            beside=beside or (),
            accounts_beside=accounts_beside or (),
            labels=labels,
            weights=weights,
            cache=cache,
            reading=reading(format, gap, strict, redact, hash_accounts),
        )
    )


@app.command("evaluate")
def evaluate_command(
    inputs: Inputs,
    model: ModelFolder = None,
    labels: Labels = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="A .json file; else standard output.")
    ] = None,
    by: Annotated[By, typer.Option(help="Judge sessions, or accounts.")] = By.session,
    against: Annotated[
        Path | None, typer.Option(help="Another model's folder, to compare with.")
    ] = None,
    html: Annotated[Path | None, typer.Option(help="A .html file for a report.")] = None,
    weights: Weights = None,
    cache: Cache = None,
    format: FormatName = "auto",
    gap: Gap = "30m",
    strict: Strict = False,
    redact: Redact = False,
    hash_accounts: HashAccounts = None,
) -> None:
    """Measure a model on labelled traffic that it has not seen."""
    from .classify import evaluate_files, figures_table

    figures = evaluate_files(
        inputs,
        output,
        model=model,
        by=by.value,
        against=against,
        labels=labels,
        html=html,
        weights=weights,
        cache=cache,
        reading=reading(format, gap, strict, redact, hash_accounts),
    )
    show(figures_table(figures))


@app.command("promote")
def promote_command(
    candidate: Annotated[Path, typer.Argument(help="The folder of the new model.")],
    current: Annotated[Path, typer.Option(help="The folder of the model to replace.")],
    on: Annotated[
        list[str], typer.Option(help="Labelled traffic to compare on; may be given again.")
    ],
    labels: Labels = None,
    weights: Weights = None,
    cache: Cache = None,
    format: FormatName = "auto",
    gap: Gap = "30m",
    strict: Strict = False,
    redact: Redact = False,
    hash_accounts: HashAccounts = None,
) -> None:
    """Replace the current model by a candidate, unless it is worse beyond noise."""
    from .classify import differences_table, promote_files

    comparisons = promote_files(
        candidate,
        current,
        on,
        labels=labels,
        weights=weights,
        cache=cache,
        reading=reading(format, gap, strict, redact, hash_accounts),
    )
    promoted = {"promoted": str(candidate), "current": str(current)}
    if not comparisons:
        print_records([promoted])
        say(f"{current} was new: {candidate} is there now, compared with nothing")
        return
    of_sessions, *of_accounts = (each.record() for each in comparisons)
    of_long = next(iter(of_accounts), None)
    print_records([promoted | of_sessions | {"long_accounts": of_long}])
    show(differences_table(of_sessions["differences"], "the model before"))
    if of_long:
        show(differences_table(of_long["differences"], "the model before", "long accounts"))
    else:
        say("Too few accounts of 200 prompts or more to compare the two on.")
    say(f"{candidate} is now in {current}")


@app.command("serve")
def serve_command(
    index: IndexFolder,
    model: ModelFolder = None,
    host: Annotated[
        str, typer.Option(help="The address to listen on; one that others reach takes a token.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 for a free one.")] = 8321,
    token_file: Annotated[
        Path | None, typer.Option(help="A file whose first line is the token.")
    ] = None,
    weights: Weights = None,
    cache: Cache = None,
) -> None:
    """Serve the analyst's page over an index."""
    from .web import Source, serve

    serve(Source(index, model, weights, cache), host, port, token_file, say)


@app.command("report")
def report_command(
    index: IndexFolder,
    output: Annotated[Path, typer.Option("--output", "-o", help="A .html file.")],
    model: ModelFolder = None,
    redact: Annotated[
        bool,
        typer.Option("--redact", help="Mask e-mail, phone and card numbers and keys in texts."),
    ] = False,
    weights: Weights = None,
    cache: Cache = None,
) -> None:
    """Write what an index holds as one HTML file to send on: overview, groups and evidence."""
    from .web.report import write_report

    say(write_report(index, output, model=model, weights=weights, cache=cache, masked=redact))


@app.command("simulate")
def simulate_command(
    pool: Annotated[
        Path,
        typer.Option(
            help="Folder with catalog.json and the sources; `invented` for the project's own."
        ),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="A .parquet file.")],
    sessions: Annotated[int, typer.Option(min=1, help="How many sessions.")] = 3000,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same file.")] = 0,
    mix: Annotated[
        str | None, typer.Option(help="A TOML file, or a shipped mix by its name.")
    ] = None,
    held_out: Annotated[
        bool, typer.Option("--held-out", help="Use the sources that may not train.")
    ] = False,
) -> None:
    """Compose labelled traffic from a pool of prompts."""
    from .data import write_simulation

    write_simulation(pool, output, sessions=sessions, seed=seed, mix=mix, held_out=held_out)
    say(f"{sessions:,} sessions in {output}")


def print_records(records: Iterable[dict[str, Any]]) -> None:
    """Write records as JSON lines to standard output."""
    from .data import write_records

    write_records(records, None)


def say(message: str) -> None:
    """Tell a person something, on standard error."""
    typer.echo(message, err=True)


def show(table: Any, *, stdout: bool = False) -> None:  # noqa: ANN401
    """Show a table to a person: on standard error, unless it is what was asked for."""
    from rich.console import Console

    stream = sys.stdout if stdout else sys.stderr
    Console(file=stream, width=None if stream.isatty() else 120).print(table)


def reading(
    format: str, gap: str, strict: bool, redact: bool, hash_accounts: Path | None
) -> ReadOptions:
    """Return how logs are to be read."""
    from .data import ReadOptions, read_key

    match = re.fullmatch(r"(\d{1,6})([smhd])", gap)
    if match is None:
        raise InputError(f"the gap {gap}", "a number and s, m, h or d", "Try --gap 30m.")
    units = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
    pause = timedelta(**{units[match[2]]: int(match[1])})
    key = read_key(hash_accounts) if hash_accounts else None
    return ReadOptions(format, pause, strict, redact, key)


def utc(text: str | None) -> datetime | None:
    """Read an ISO 8601 time; UTC where it names no zone."""
    if text is None:
        return None
    try:
        time = datetime.fromisoformat(text)
    except ValueError as error:
        raise InputError(
            f"the time {text}", "ISO 8601 such as 2026-02-23 or 2026-02-23T14:00:00Z", "Rewrite it."
        ) from error
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time


if __name__ == "__main__":
    app()
