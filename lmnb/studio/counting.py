"""Tokens, counted by the model's own tokenizer, each text once."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lmnb.studio import chats, failures, logs
from lmnb.studio.choosing import ANSWER
from lmnb.studio.ledger import ledger

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    import lmstudio as lms

    from lmnb.studio.choosing import Model

AT_ONCE = 32
"""Questions that are open at a time: all of a long conversation at once would keep others waiting."""

KEPT = 50_000
"""Texts of one tokenizer whose counts are kept, some 5 MB."""

TOKENIZERS = 8
"""Tokenizers whose counts are kept."""

DEAF = 60.0
"""Seconds in which a server that did not answer is not asked again."""

EACH = 8.0
"""Tokens that a template is taken to add to a message, until there is a prompt to tell."""


class CannotCountError(Exception):
    """The server does not count; it says why, or nothing."""


class _RefusedError(CannotCountError):
    """It answered that it does not."""


@dataclass
class _Tokenizer:
    """What is known of one tokenizer.

    Attributes:
        counts: By the digest of a text.
        each: Tokens that the template adds to a message, as seen in the last prompt that was counted.
        learned: Whether one was counted; else `each` is a guess.
        begins: Tokens that the server adds to every text it counts; None until it was asked.
        deaf_until: Of the monotonic clock.
    """

    counts: OrderedDict[bytes, int] = field(default_factory=OrderedDict)
    each: float = EACH
    learned: bool = False
    begins: int | None = None
    deaf_until: float = 0.0

    def keep(self, name: bytes, count: int) -> None:
        self.counts[name] = count
        while len(self.counts) > KEPT:
            self.counts.popitem(last=False)


_tokenizers: OrderedDict[tuple[Any, ...], _Tokenizer] = OrderedDict()  # used on the I/O thread only


def _tokenizer(host: str, model: Model) -> _Tokenizer:
    # Another file under the same name is another tokenizer, and so is the same name on another computer.
    name = (host, model.key, model.path, model.size_bytes)
    found = _tokenizers.setdefault(name, _Tokenizer())
    _tokenizers.move_to_end(name)
    while len(_tokenizers) > TOKENIZERS:
        _tokenizers.popitem(last=False)
    return found


def at_most(text: str) -> int:
    """More tokens than this a text cannot have: a token is a byte at least."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


class Counter:
    """Counts for one loaded model. Everything here runs on the I/O thread.

    Args:
        client: Connected.
        host: Where to.
        model: Loaded.
        config: Prediction parameters; some change how messages become a prompt.
        fields: What the SDK has no parameter for, by the protocol's keys.

    Attributes:
        calls: Questions that were asked.
    """

    def __init__(
        self,
        client: lms.AsyncClient,
        host: str,
        model: Model,
        config: Mapping[str, Any],
        fields: Mapping[str, Any] | None = None,
    ) -> None:
        import lmstudio as lms  # noqa: PLC0415

        self._client, self._host = client, host
        self._llm = lms.AsyncLLM(model.identifier or model.key, client.llm)
        self._config = {key: config[key] for key in ("promptTemplate", "rawTools") if key in config}
        self._fields = [{"key": key, "value": value} for key, value in (fields or {}).items()]
        self._known = _tokenizer(host, model)
        self._open = asyncio.Semaphore(AT_ONCE)
        self.calls = 0

    async def count(self, texts: Iterable[str]) -> dict[str, int]:
        """The tokens of texts, each on its own; those that were not counted before are asked for together.

        Raises:
            CannotCountError: If the server does not count.
            lms.LMStudioError: If the model or the connection is gone.
        """
        begins = await self._begins()
        names = {text: _name(text) for text in texts}
        missing = {name: text for text, name in names.items() if name not in self._known.counts}
        counts = await self._answer(asyncio.gather(*map(self._count, missing.values())))
        for name, count in zip(missing, counts, strict=True):
            self._known.keep(name, max(0, count - begins))
        return {text: self._known.counts[name] for text, name in names.items()}

    async def prompt(self, chat: lms.Chat) -> tuple[str, int]:
        """The prompt that a chat becomes, as the model reads it, and its tokens, counted and not added up.

        Raises:
            CannotCountError: If the server does not count.
            lms.LMStudioError: If the model or the connection is gone.
        """
        # A server that puts a token before every text it counts would count the template's own a second time.
        omit = await self._begins() > 0
        formatted = await self._answer(self._format(chat, omit_bos=omit))
        return formatted, await self._answer(self._count(formatted))

    @property
    def each(self) -> int:
        """Tokens that the template adds to a message, as far as was seen."""
        return round(self._known.each)

    def sum(self, counts: Collection[int]) -> int:
        """What a prompt of messages with so many tokens has, as far as one can say before it is made."""
        return sum(counts) + round(self._known.each * (len(counts) + 1))

    @property
    def learned(self) -> bool:
        """Whether `each` was seen in a prompt, and is no guess."""
        return self._known.learned

    def learn(self, counts: Collection[int], prompt: int) -> None:
        """A prompt of messages with so many tokens came to be so long."""
        self._known.each, self._known.learned = max(0.0, (prompt - sum(counts)) / (len(counts) + 1)), True

    async def _begins(self) -> int:
        if self._known.begins is None:
            try:
                self._known.begins = await self._answer(self._count(""))
            except _RefusedError:  # nothing at all is a strange thing to count
                self._known.begins = 0
        return self._known.begins

    async def _count(self, text: str) -> int:
        async with self._open:
            self.calls += 1
            ledger.note("count", self._host, [text])
            return await self._llm.count_tokens(text)

    async def _format(self, chat: lms.Chat, *, omit_bos: bool) -> str:
        self.calls += 1
        ledger.note("template", self._host, chats.texts(chat))
        if self._config or self._fields:
            return await self._format_with(chat, {"omitBosToken": omit_bos})
        return await self._llm.apply_prompt_template(chat, {"omitBosToken": omit_bos})

    async def _format_with(self, chat: lms.Chat, opts: dict[str, Any]) -> str:
        """As `apply_prompt_template`, which cannot be told of a template, of tools, or how much is to be thought."""
        from lmstudio import _kv_config, _sdk_models, json_api  # noqa: PLC0415

        config: Any = self._config
        stack: Any = _kv_config.prediction_config_to_kv_config_stack(None, config)[1].to_dict()
        stack["layers"][0]["config"]["fields"] = [*stack["layers"][0]["config"]["fields"], *self._fields]
        asked: Any = {
            "specifier": json_api._model_spec_to_api_dict(self._llm.identifier),
            "history": chat._get_history_for_prediction(),
            "predictionConfigStack": stack,
            "opts": opts,
        }
        parameter = _sdk_models.LlmRpcApplyPromptTemplateParameter._from_api_dict(asked)
        return str((await self._client.llm.remote_call("applyPromptTemplate", parameter))["formatted"])

    async def _answer(self, asked: Any) -> Any:
        import lmstudio as lms  # noqa: PLC0415

        asking = asyncio.ensure_future(asked)
        if time.monotonic() < self._known.deaf_until:
            asking.cancel()
            raise CannotCountError
        try:
            return await asyncio.wait_for(asking, ANSWER)
        except asyncio.TimeoutError:  # one that does not know the question leaves it unanswered
            self._known.deaf_until = time.monotonic() + DEAF
            raise CannotCountError("") from None
        except lms.LMStudioServerError as error:
            if failures.is_not_found(error):
                raise
            logs.log.info("The server does not count tokens: %r", error)
            raise _RefusedError(failures.words(error)[0]) from None


def _name(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
