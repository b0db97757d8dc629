"""The project's own sources: payloads, question banks, people and what is put around them.

They are lessons for a model and never a test of one: all have one author (`docs/evaluation.md`).
Each folder of `data/invented` is one group's, by its name, and its recipes meet its sources only:

- `people`: conversations, parted by `====`, and their prompts by `%%`;
- `payload`: what applications are sent, and `chat`, the same in its order;
- `applications`: the templates of those that are sent the payload of the same name;
- `extraction`: question banks, named for their area and what they hold;
- `wrappers.txt`: what is put around a bank's tasks.
"""

from __future__ import annotations

from importlib.resources import files
from importlib.resources.abc import Traversable

from ..clean import clean, tidy
from ..pool import Kind, PoolSource
from ..recipes import Application, Wrapper, grids, suffixes, systems
from ..split import FOLDS, group_of
from .shelf import Shelf

INVENTED = "invented"
"""What `simulate` calls them in place of a pool's folder, and the mix that is composed of them."""

PROMPT, CONVERSATION = "%%", "===="
PAYLOAD, TASK = "<<PAYLOAD>>", "<<TASK>>"


def invented_shelves() -> dict[str, Shelf]:
    """Put each folder on its group's shelf, beside the grids and system prompts of the group."""
    root = files(__package__.rpartition(".")[0]) / INVENTED
    shelves = {group: Shelf() for group in FOLDS}
    for folder in _sorted(root):
        _fill(shelves[folder.name], folder)
    for name, recipes in {"grids": grids(), "systems": systems(), "suffixes": suffixes()}.items():
        for position, recipe in enumerate(recipes):
            if (group := group_of(position)) in shelves:
                getattr(shelves[group], name).append(recipe)
    return {group: shelf for group, shelf in shelves.items() if shelf.extraction}


def _fill(shelf: Shelf, folder: Traversable) -> None:
    for file in _sorted(folder / "people"):
        sessions = [
            [clean(prompt) for prompt in _parts(conversation, PROMPT)]
            for conversation in _parts(_text(file), CONVERSATION)
        ]
        shelf.organic.append(_source(_stem(file), "organic", sessions))
    for form in ("payload", "chat"):
        for file in _sorted(folder / form):
            texts, name = tidy(_parts(_text(file), PROMPT), None), _stem(file)
            sessions = [texts] if form == "chat" else [[text] for text in texts]
            shelf.payloads[name] = [_source(name, "payload", sessions)]
            for application in _applications(folder / "applications" / file.name, name, form):
                shelf.applications.setdefault(application.kind, []).append(application)
    for file in _sorted(folder / "extraction"):
        area, _, name = _stem(file).partition(".")
        sessions = [[text] for text in tidy(_parts(_text(file), PROMPT), area) if text]
        shelf.extraction.append(_source(name, "extraction", sessions, area))
    for number, text in enumerate(_parts(_text(folder / "wrappers.txt"), PROMPT)):
        template = _template(text, TASK, "task")
        shelf.wrappers.append(Wrapper(f"{folder.name}-wrapper-{number}", INVENTED, "", template))


def _applications(file: Traversable, payload: str, form: str) -> list[Application]:
    task = "support_chat" if form == "chat" else INVENTED
    return [
        Application(f"{payload}-{number}", task, [payload], _template(text, PAYLOAD, "payload"))
        for number, text in enumerate(_parts(_text(file), PROMPT))
    ]


def _source(
    name: str, kind: Kind, sessions: list[list[str]], area: str | None = None
) -> PoolSource:
    return PoolSource(name, kind, True, area, sessions, list(range(len(sessions))))


def _template(text: str, marker: str, slot: str) -> str:
    return text.replace("{", "{{").replace("}", "}}").replace(marker, f"{{{slot}}}")


def _sorted(folder: Traversable) -> list[Traversable]:
    return sorted(folder.iterdir(), key=lambda entry: entry.name) if folder.is_dir() else []


def _stem(file: Traversable) -> str:
    return file.name.removesuffix(".txt")


def _text(file: Traversable) -> str:
    return file.read_text(encoding="utf-8")


def _parts(text: str, mark: str) -> list[str]:
    parts = f"\n{text}\n".split(f"\n{mark}\n")
    return [part.strip("\n") for part in parts if part.strip()]
