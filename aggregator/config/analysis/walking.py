"""Takes an endpoint or a group apart: every call with its role, every text with its scope, the order of parts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec.structs import replace

from aggregator.config.analysis.ordering import OrderingTexts
from aggregator.config.analysis.scope import RESPONSE_FIELDS, RESULT_FIELDS, Scope
from aggregator.config.analysis.sites import (
    DEEPEST_GROUPS,
    MOST_PARTS,
    Analysis,
    CallSite,
    Fan,
    Part,
    Role,
    Rows,
    ShapeSite,
)
from aggregator.config.analysis.texts import Texts
from aggregator.config.model.calls.background import BackgroundCallSettings
from aggregator.config.model.calls.call import CallSettings, FanOutSettings
from aggregator.config.model.calls.shape import ShapeSettings
from aggregator.config.model.edge.carried import HeaderSettings
from aggregator.config.model.edge.cookies import SetCookieSettings
from aggregator.config.model.endpoint import EndpointSettings
from aggregator.config.model.failure import StatusRow
from aggregator.config.model.upstreams.upstream import UpstreamSettings
from aggregator.config.text.values import Steps
from aggregator.diagnostics.finding import Finding
from aggregator.policies.hosts.settings import HashSettings
from aggregator.policies.rate_limit.settings import RateLimits
from aggregator.templates import UrlTemplate

Groups = Mapping[str, Mapping[str, CallSettings]]
_SENT = ("query", "headers", "json_", "form", "multipart", "body")


class Walker:
    """One walk over one endpoint or group; what it finds goes into *analysis*."""

    def __init__(self, analysis: Analysis, groups: Groups, upstreams: Mapping[str, UpstreamSettings]) -> None:
        self._analysis, self._groups, self._upstreams = analysis, groups, upstreams

    def endpoint(self, settings: EndpointSettings) -> None:
        """Walk through everything that *settings* say."""
        at, whole = self._analysis.path, Scope(self._analysis.inputs)
        self._defaults(settings, whole)
        for index, guard in enumerate(settings.require):
            Texts(self._analysis).condition(guard.that, (*at, "require", index, "that"), whole)
        walk_limits(settings.rate_limit, (*at, "rate_limit"), whole, Texts(self._analysis))
        if settings.concurrency is not None:
            Texts(self._analysis).condition(settings.concurrency.by, (*at, "concurrency", "by"), whole)
        if settings.idempotency is not None:
            Texts(self._analysis).value(settings.idempotency.key, (*at, "idempotency", "key"), whole)
            Texts(self._analysis).value(settings.idempotency.subject, (*at, "idempotency", "subject"), whole)
        if settings.call is not None:
            fan = Fan(at)
            part = Part("call", (*at, "call"), settings.call, fan)
            fan.parts["call"] = part
            self._analysis.fan = fan
            self._analysis.fans.append(fan)
            self._part(part, whole, "call")
            whole = whole.within(["call"])
        if settings.fan_out is not None:
            self._analysis.fan = self._fan(settings.fan_out, (*at, "fan_out"), whole, None, ())
            whole = whole.within(self._analysis.fan.parts)
        self._answer(settings, whole)
        Texts(self._analysis).value(list(settings.purge), (*at, "purge"), whole)
        if settings.cache is not None:
            Texts(self._analysis).value(list(settings.cache.tags), (*at, "cache", "tags"), whole)
        self._rows(settings.status_map, (*at, "status_map"), whole, None, Texts(self._analysis))
        for index, call in enumerate(settings.background):
            self._background(call, (*at, "background", index), whole.having(response=RESPONSE_FIELDS))
        for index, shadow in enumerate(settings.shadow):
            sent = CallSettings.model_validate({"url": shadow.url})
            self._call(sent, (*at, "shadow", index), whole, "background", Texts(self._analysis))

    def _defaults(self, settings: EndpointSettings, scope: Scope) -> None:
        """Note what the defaults of parameters read; they see the request alone."""
        for section in ("query", "headers", "cookies"):
            for name, schema in getattr(settings, section).items():
                if isinstance(schema, dict):
                    path = (*self._analysis.path, section, name, "default")
                    Texts(self._analysis).value(schema.get("default"), path, scope)

    def group(self, calls: Mapping[str, CallSettings]) -> None:
        """Walk through the calls of a group by itself."""
        fan = Fan(self._analysis.path)
        self._analysis.fan = fan
        for name, call in calls.items():
            fan.parts[name] = Part(name, (*fan.path, name), call, fan)
        self._parts(fan, Scope(is_open=True))

    def _answer(self, settings: EndpointSettings, scope: Scope) -> None:
        texts, at = Texts(self._analysis), self._analysis.path
        if settings.respond is not None:
            self._shape(settings.respond, (*at, "respond"), scope.having(this=("body",)), texts)
            self._headers(settings.respond.headers, (*at, "respond", "headers"), scope)
            self._cookies(settings.respond.set_cookies, (*at, "respond", "set_cookies"), scope)
            texts.value(settings.respond.body, (*at, "respond", "body"), scope)
        response = settings.response
        if response is not None:
            path = (*at, "response")
            self._shape(response, path, scope.having(this=("body",)), texts)
            self._headers(response.headers, (*path, "headers"), scope)
            self._cookies(response.set_cookies, (*path, "set_cookies"), scope)
            texts.value(response.body, (*path, "body"), scope)
            texts.value(response.cache_control, (*path, "cache_control"), scope)
            if isinstance(response.status, str):
                texts.condition(
                    response.status, (*path, "status"), scope, "write a number, such as `201`, or `{{ … }}`"
                )

    def _headers(self, settings: HeaderSettings, path: Steps, scope: Scope) -> None:
        """Note what headers of answers read: on every answer, what a request has that was refused."""
        seen = scope if settings.on == "success" else Scope(self._analysis.inputs)
        Texts(self._analysis).value(settings.values, (*path, *settings.below), seen)

    def _cookies(self, cookies: Iterable[SetCookieSettings], path: Steps, scope: Scope) -> None:
        for index, cookie in enumerate(cookies):
            Texts(self._analysis).value(cookie.value, (*path, index, "value"), scope)

    def _background(self, call: BackgroundCallSettings, path: Steps, scope: Scope) -> None:
        texts = Texts(self._analysis)
        inner = self._items(call, path, scope, texts)
        self._call(call, path, inner, "background", texts)
        for index, other in enumerate(call.fallback):
            self._call(other, (*path, "fallback", index), scope, "fallback", texts)
        if call.fan_out is not None:
            self._fan(call.fan_out, (*path, "fan_out"), scope, None, ())
        texts.condition(call.when, (*path, "when"), scope)
        for key, text in (("order", call.order), ("at", call.at)):
            texts.value(text, (*path, key), inner)
        if call.dedupe is not None:
            texts.value(call.dedupe.key, (*path, "dedupe", "key"), inner)

    def _fan(
        self, settings: FanOutSettings, path: Steps, scope: Scope, outer: Part | None, used: tuple[str, ...]
    ) -> Fan:
        """Walk through a fan-out; *used* are the groups around it, so that a group within itself ends."""
        fan = Fan(path, settings)
        names = [settings.use] if isinstance(settings.use, str) else list(settings.use)
        via = outer.via if outer else None
        for index, name in enumerate(names):
            place = (*path, "use", index)
            fan.groups[name] = place
            if len(used) == DEEPEST_GROUPS:
                message = f"groups use groups more than {DEEPEST_GROUPS} levels deep"
                hint = "use fewer groups within groups"
                self._analysis.problems.append(
                    Finding("too-many-calls", message, self._analysis.path, hint, at_key=True)
                )
            elif name not in used:
                for key, call in self._groups.get(name, {}).items():
                    fan.parts.setdefault(key, Part(key, ("groups", name, key), call, fan, outer, via or place))
        for key, call in settings.calls.items():
            fan.parts[key] = Part(key, (*path, key), call, fan, outer, via)
        self._parts(fan, scope, (*used, *names))
        return fan

    def _parts(self, fan: Fan, scope: Scope, used: tuple[str, ...] = ()) -> None:
        self._analysis.fans.append(fan)
        inner = scope.within(fan.parts)
        for part in fan.parts.values():
            self._part(part, inner, "part", used)

    def _part(self, part: Part, scope: Scope, role: Role, used: tuple[str, ...] = ()) -> None:
        """Walk through one part; *scope* is what its call sees."""
        settings, path = part.settings, part.path
        self._analysis.parts.append(part)
        if len(self._analysis.parts) > MOST_PARTS:  # groups that use groups double with each level
            return
        texts = OrderingTexts(Texts(self._analysis, part.via), part)
        texts.condition(settings.when, (*path, "when"), scope)
        if "default" in settings.model_fields_set:
            texts.value(settings.default, (*path, "default"), scope)
        for index, name in enumerate(settings.needs):
            part.reads.setdefault(name, (*path, "needs", index))
        self._call(settings, path, self._items(settings, path, scope, texts), role, texts, part.via)
        self._rows(settings.status_map, (*path, "status_map"), scope, self._analysis.calls[-1], texts)
        for index, other in enumerate(settings.fallback):
            at = (*path, "fallback", index)
            self._call(other, at, scope, "fallback", texts, part.via)
            self._rows(other.status_map, (*at, "status_map"), scope, self._analysis.calls[-1], texts)
        for index, runner in enumerate(settings.race):
            name = f"{part.name}[{index}]"
            self._part(Part(name, (*path, "race", index), runner, part.home, part, part.via), scope, "race", used)
        if settings.fan_out is not None:
            part.fan = self._fan(settings.fan_out, (*path, "fan_out"), scope, part, used)

    def _items(self, settings: CallSettings, path: Steps, scope: Scope, texts: Texts) -> Scope:
        """Walk through the list of a call for each item of one; return what the call sees."""
        each = settings.for_each
        if each is None:
            return scope
        item: dict[str, Any] = {"item": None, "index": ()}
        texts.condition(each.items, (*path, "for_each", "in"), scope)
        texts.condition(each.key, (*path, "for_each", "key"), scope.having(**item))
        return scope.having(keys=None) if each.batch else scope.having(**item)

    def _call(
        self, settings: CallSettings, path: Steps, scope: Scope, role: Role, texts: Texts, via: Steps | None = None
    ) -> None:
        at = (*path, "choose", 0, "url") if settings.choose else (*path, "url")
        url = texts.url(settings.url, at, scope) if settings.url is not None else None
        site = self._site(path, settings, role, scope, url, via)
        self._choices(site, texts)
        self._analysis.calls.append(site)
        for name in _SENT:
            texts.value(getattr(settings, name), (*path, name.rstrip("_")), scope)
        if settings.graphql is not None:
            texts.value(settings.graphql.variables, (*path, "graphql", "variables"), scope)
        if url is not None and url.upstream is not None:
            self._shared(url.upstream, settings, scope, texts.through((*path, "url")))
        if settings.cache is not None:
            texts.value(list(settings.cache.tags), (*path, "cache", "tags"), scope)
        judging = scope.having(this=RESULT_FIELDS)
        if settings.success is not None:
            texts.condition(settings.success.when, (*path, "success", "when"), judging)
        self._shape(settings, path, judging, texts)

    def _site(
        self, path: Steps, settings: CallSettings, role: Role, scope: Scope, url: UrlTemplate | None, via: Steps | None
    ) -> CallSite:
        analysis, place = self._analysis, via or path
        is_background, effect = analysis.is_background(place), analysis.effect_at(place)
        near = (settings.forward, analysis.settings.forward if analysis.settings else None)
        takes_body = any(forward is not None and forward.body for forward in near)
        clients = analysis.methods[0] if takes_body and len(analysis.methods) == 1 else None
        return CallSite(path, settings, role, scope, url, via, is_background, effect, clients)

    def _choices(self, call: CallSite, texts: Texts) -> None:
        """Note the other URLs of *call*, which is looked at with its first."""
        settings, scope = call.settings, call.scope
        texts.condition(settings.sticky, (*call.path, "sticky"), scope)
        for index, choice in enumerate(settings.choose[1:], 1):
            at = (*call.path, "choose", index)
            url = texts.url(choice.url, (*at, "url"), scope)
            alone = CallSettings.model_validate({"url": choice.url})
            self._analysis.calls.append(replace(call, path=at, settings=alone, url=url, chosen_in=call))
            if url is not None and url.upstream is not None:
                self._shared(url.upstream, settings, scope, texts.through((*at, "url")))

    def _shared(self, name: str, settings: CallSettings, scope: Scope, texts: Texts) -> None:
        """Note what the upstream *name* adds to a call, unless the call says it itself."""
        upstream, own = self._upstreams.get(name), {header.lower() for header in settings.headers}
        if upstream is not None:
            headers = {header: value for header, value in upstream.headers.items() if header.lower() not in own}
            texts.shared(headers, ("upstreams", name, "headers"), scope)
            query = {key: value for key, value in upstream.query.items() if key not in settings.query}
            texts.shared(query, ("upstreams", name, "query"), scope)
            if upstream.mock is not None and upstream.mock.when is not None:
                texts.shared({"when": upstream.mock.when}, ("upstreams", name, "mock"), scope)
            if upstream.route is not None:
                texts.shared({"by": upstream.route.by}, ("upstreams", name, "route"), scope)
            if upstream.breaker is not None:
                texts.shared({"per": upstream.breaker.per}, ("upstreams", name, "breaker"), scope)
            if isinstance(upstream.balance, HashSettings):
                texts.shared({"hash": upstream.balance.hash}, ("upstreams", name, "balance"), scope)
            if upstream.cache is not None and settings.cache is None:
                tags = dict(enumerate(upstream.cache.tags))
                texts.shared(tags, ("upstreams", name, "cache", "tags"), scope)

    def _shape(self, settings: ShapeSettings, path: Steps, scope: Scope, texts: Texts) -> None:
        self._analysis.shapes.append(ShapeSite(path, settings))
        if settings.select is not None and "{{" in settings.select:
            texts.condition(settings.select, (*path, "select"), scope)

    def _rows(
        self, rows: tuple[StatusRow, ...], path: Steps, scope: Scope, call: CallSite | None, texts: Texts
    ) -> None:
        if not rows:
            return
        self._analysis.maps.append(Rows(path, rows, call))
        walk_rows(rows, path, scope, texts)


def walk_limits(limits: RateLimits | str | None, path: Steps, scope: Scope, texts: Texts) -> None:
    """Note what the expressions of *limits* read."""
    for index, window in enumerate(limits if isinstance(limits, tuple) else ()):
        for name in ("by", "unless", "cost"):
            texts.condition(getattr(window, name), (*path, index, name), scope)


def walk_rows(rows: Iterable[StatusRow], path: Steps, scope: Scope, texts: Texts) -> None:
    """Note what the texts of *rows* read; they see the failed result as ``this``."""
    inner = scope.having(this=RESULT_FIELDS)
    for index, row in enumerate(rows):
        texts.condition(row.when, (*path, index, "when"), inner)
        texts.value(row.title, (*path, index, "title"), inner)
        texts.value(row.detail, (*path, index, "detail"), inner)
        texts.value(row.body, (*path, index, "body"), inner)
        texts.value(row.headers, (*path, index, "headers"), inner)
