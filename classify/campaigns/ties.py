"""What ties the accounts of a traffic: who they are, what they hold, and the links of that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...data import InputError
from .corpus import Corpus
from .links import Links, find_links
from .pivot import Launch, Moves
from .things import Accounts, Things, find_accounts, find_things


@dataclass(frozen=True, slots=True)
class Ties:
    """The accounts of a traffic and what groups and portraits are made from.

    Attributes:
        accounts: in an order that only their ids decide.
        moves: who asked which model when.
        things: what accounts hold.
        links: pairs of accounts that share something.
    """

    accounts: Accounts
    moves: Moves
    things: Things
    links: Links


def find_ties(corpus: Corpus, launches: Sequence[Launch] = ()) -> Ties:
    """Find the accounts of a traffic and their links.

    Raises:
        InputError: no row names an account, or a launched model is in no row.
    """
    accounts = find_accounts(corpus.table, corpus.prompt)
    if not len(accounts):
        raise InputError(
            "no row with an account_id",
            "traffic whose rows name their accounts",
            "Name the field that says who asks account_id.",
        )
    moves = Moves(corpus.table, accounts)
    moves.check(launches)
    things = find_things(corpus.table, accounts, corpus.prompt, corpus.texts)
    return Ties(accounts, moves, things, find_links(things))
