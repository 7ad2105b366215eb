// The views: each draws itself from what the documented API tells. `live` ones are drawn each second; `holds` keeps its form.
import { ask, make } from "./page.js";

const STEP = 1.25;
const link = (view, given, text) => make("a", { href: `#${view}/${encodeURIComponent(given)}` }, text);
const section = (...children) => make("section", {}, ...children);
const dim = (text) => make("p", { class: "dim" }, text);
const percent = (part, whole) => `${whole ? (100 * part / whole).toFixed(1) : "0.0"}%`;
const shade = (part) => part ? "n bad" : "n dim";
const when = (at) => new Date(at * 1000).toLocaleTimeString([], { hour12: false });
const hue = (one) => one.status >= 500 || one.how !== "answered" ? "bad" : one.partial || one.status >= 400 ? "warn" : "good";
const duration = (ms) => ms >= 10000 ? `${(ms / 1000).toFixed(1)} s` : `${ms >= 10 ? ms.toFixed(0) : ms.toFixed(1)} ms`;

function table(heads, rows, empty) {
  if (!rows.length) return dim(empty);
  const cells = heads.map((head) => make("th", { scope: "col", class: head.class || null }, head.text ?? head));
  return make("table", {}, heads.length ? make("thead", {}, make("tr", {}, ...cells)) : null, make("tbody", {}, ...rows.map((row) => make("tr", {}, ...row))));
}
const cell = (content, kind) => make("td", { class: kind || null }, content);
const head = (text, kind) => ({ text, class: kind });

function percentile(buckets, share) {
  const found = Object.entries(buckets).map(([index, count]) => [Number(index), count]).sort((one, other) => one[0] - other[0]);
  const whole = found.reduce((sum, [, count]) => sum + count, 0);
  let seen = 0;
  for (const [index, count] of found) if ((seen += count) >= share * whole) return STEP ** index;
  return 0;
}

function sums(seconds) {
  const endpoints = new Map(), upstreams = new Map();
  for (const second of seconds) {
    for (const [key, [count, bad, partial, buckets]] of Object.entries(second.endpoints)) {
      const sum = endpoints.get(key) || { count: 0, bad: 0, partial: 0, buckets: {} };
      sum.count += count; sum.bad += bad; sum.partial += partial;
      for (const [index, number] of Object.entries(buckets)) sum.buckets[index] = (sum.buckets[index] || 0) + number;
      endpoints.set(key, sum);
    }
    for (const [name, [calls, failed, ms]] of Object.entries(second.upstreams)) {
      const sum = upstreams.get(name) || { calls: 0, failed: 0, ms: 0 };
      sum.calls += calls; sum.failed += failed; sum.ms += ms;
      upstreams.set(name, sum);
    }
  }
  return { endpoints, upstreams };
}

// The last hour as it was kept before anybody looked: whole at first, then what has changed since the last look.
const HOUR = 3600, LOOK = 5000;
let hour = { generation: null, looked: -LOOK, now: 0, endpoints: new Map() };
async function hourOf(state) {
  const { generation } = state.config, fresh = hour.generation !== generation, at = performance.now();
  if (!fresh && at - hour.looked < LOOK) return hour;
  const mine = fresh ? { generation, looked: at, now: 0, endpoints: new Map() } : hour, before = mine.looked;
  mine.looked = at;
  try {
    const told = await ask(`/-/history${mine.now ? `?since=${mine.now - 60}` : ""}`);
    for (const [key, rows] of Object.entries(told.endpoints)) {
      const minutes = mine.endpoints.get(key) || new Map();
      for (const row of rows) minutes.set(row[0], row);
      for (const began of minutes.keys()) if (began <= told.now - HOUR) minutes.delete(began);
      mine.endpoints.set(key, minutes);
    }
    mine.now = told.now;
  } catch (error) {
    mine.looked = before;
    throw error;
  }
  return hour = mine;
}

function plot(minutes, now, kind = "plot") {
  const picture = make("svg", { class: kind, viewBox: "0 0 120 20", preserveAspectRatio: "none", "aria-hidden": "true" });
  const rows = [...minutes].filter(([at]) => at > now - HOUR), most = Math.max(...rows.map(([, row]) => row[1]));
  const bars = (value) => rows.filter(([, row]) => row[value]).map(([at, row]) =>
    `M${119 - 2 * Math.floor((now - at) / 60)} 20v-${Math.max(1, 19 * row[value] / most).toFixed(1)}`).join("");
  picture.append(make("path", { d: bars(1) }), make("path", { class: "failed", d: bars(2) }));
  return picture;
}

const NUMBERS = [head("req/s", "n"), head("5xx", "n"), head("partial", "n wide"), head("p50", "n wide"), head("p95", "n"), head("p99", "n wide")];
function numbers(sum, seconds) {
  const at = (share) => sum.count ? duration(percentile(sum.buckets, share)) : "–";
  return [cell((sum.count / Math.max(1, seconds)).toFixed(1), "n"), cell(percent(sum.bad, sum.count), shade(sum.bad)),
    cell(percent(sum.partial, sum.count), `wide ${sum.partial ? "n warn" : "n dim"}`), cell(at(.5), "n wide"), cell(at(.95), "n"), cell(at(.99), "n wide")];
}
const NOTHING = { count: 0, bad: 0, partial: 0, buckets: {} };

let known = { generation: null, endpoints: [] };
async function endpointsOf(state) {
  const { generation } = state.config;
  if (known.generation !== generation || !known.endpoints.length) known = { generation, endpoints: await ask("/-/endpoints") };
  return known.endpoints;
}

async function now(state) {
  const [endpoints, past] = await Promise.all([endpointsOf(state), hourOf(state)]), { endpoints: asked } = sums(state.seconds);
  const keys = new Set([...endpoints.map((one) => one.endpoint), ...asked.keys()]);
  const rank = (key) => asked.get(key) || NOTHING, lately = (key) => past.endpoints.get(key)?.size || 0;
  const ordered = [...keys].sort((one, other) => rank(other).bad - rank(one).bad || rank(other).count - rank(one).count || lately(other) - lately(one) || (one < other ? -1 : 1));
  const shown = Math.max(20, Math.min(100, asked.size));  // what is quiet must not push away what went wrong
  const rows = ordered.slice(0, shown).map((key) => [
    cell(key ? link("endpoint", key, key) : make("span", { class: "dim" }, "no endpoint"), "name"), ...numbers(rank(key), state.seconds.length),
    cell(plot(past.endpoints.get(key) || [], past.now), "wide")]);
  const more = ordered.length > shown ? dim(`${ordered.length - shown} more endpoints are quieter.`) : null;
  const recent = state.recent.map((one) => [cell(when(one.at)), cell(link("request", one.id, `${one.method} ${one.path}`), "name"),
    cell(one.status, `n ${hue(one)}`), cell(one.cause || bad(one.parts), "name"), cell(duration(one.ms), "n wide")]);
  return [make("h1", {}, "Now"),
    state.config.refused && section(make("strong", { class: "bad" }, "The saved file is refused. "), make("a", { href: "#configuration" }, "See why")),
    section(table([head("endpoint"), ...NUMBERS, head("the last hour", "wide")], rows, "No endpoint is declared."), more),
    make("h2", {}, "What went wrong while this page was open"),
    section(table(["at", "request", head("status", "n"), "why", head("took", "n wide")], recent, "Nothing."))].filter(Boolean);
}
const bad = (parts) => parts.filter((one) => !["ok", "skipped", "stale"].includes(one.state)).map((one) => `${one.name}: ${one.cause || one.state}`).join(", ");

async function endpoint(state, key) {
  const named = `endpoint=${encodeURIComponent(key)}`;
  const [shown, kept, past] = await Promise.all([ask(`/-/endpoints?${named}`),
    ask(`/-/requests?${named}`).catch(() => null), ask(`/-/history?${named}`).catch(() => ({ now: 0, minutes: [] }))]);
  const picture = make("img", { class: "graph", alt: `The calls of ${key}` });
  picture.src = URL.createObjectURL(new Blob([shown.picture], { type: "image/svg+xml" }));
  picture.addEventListener("load", () => URL.revokeObjectURL(picture.src), { once: true });
  const sum = sums(state.seconds).endpoints.get(key) || NOTHING;
  return [make("h1", {}, key), shown.summary && make("p", {}, shown.summary),
    section(table(["in the last", ...NUMBERS], [[cell("10 s"), ...numbers(sum, state.seconds.length)], [cell("hour"), ...numbers(whole(past), HOUR)]], ""),
      plot(past.minutes.map((one) => [one.at, [one.at, one.requests, one.failed]]), past.now, "plot large")), make("p", {}, link("try", key, "Try it")),
    make("h2", {}, "Its calls"), section(picture), make("h2", {}, "Parameters, calls, policies and failures, in order"), section(make("pre", {}, shown.text)),
    make("h2", {}, "Its failed and slow requests"), section(kept ? listed(kept.requests) : dim("The file declares no telemetry.recorder."))].filter(Boolean);
}

function whole({ minutes }) {
  const sum = { count: 0, bad: 0, partial: 0, buckets: {} };
  for (const one of minutes) {
    sum.count += one.requests; sum.bad += one.failed; sum.partial += one.partial;
    for (const [index, number] of Object.entries(one.buckets)) sum.buckets[index] = (sum.buckets[index] || 0) + number;
  }
  return sum;
}

function listed(requests) {
  const rows = requests.slice(0, 200).map((one) => [cell(when(one.at)), cell(link("request", one.id, `${one.method} ${one.target}`), "name"),
    cell(one.status, `n ${hue(one)}`), cell(one.cause || (one.partial ? "partial" : one.why), "name"), cell(duration(one.ms), "n")]);
  return table(["at", "request", head("status", "n"), "why", head("took", "n")], rows, "None is kept.");
}

async function requests() {
  const kept = await ask("/-/requests");
  const lost = kept.left_out ? dim(`${kept.left_out} more came in floods, and were not kept.`) : null;
  return [make("h1", {}, "Failed and slow requests"), section(listed(kept.requests), lost)];
}

function waterfall(parts, whole) {
  const rows = parts.map((part) => {
    const bar = make("div", { class: "bar" });
    const piece = (from, to, kind) => {
      const one = make("i", { class: kind });
      one.style.left = `${100 * from / whole}%`;
      one.style.width = `${100 * Math.max(0, to - from) / whole}%`;
      bar.append(one);
    };
    if (part.ms !== undefined) {
      piece(part.start_ms, part.byte_ms, "wait");
      const end = part.start_ms + part.ms, from = part.sent_ms > part.start_ms || part.byte_ms < end ? Math.min(part.sent_ms, end) : part.start_ms;
      piece(from, end, part.state === "failed" ? "failed" : ["default", "stale"].includes(part.state) ? "default" : "ok");
    }
    const name = make("span", {}, "\u00a0".repeat(2 * (part.depth || 0)), part.name);
    return [cell(name, "name"), cell(bar), cell(part.ms === undefined ? "–" : duration(part.ms), "n"), cell(part.status ?? "–", "n wide"), cell(part.note || part.state, "name")];
  });
  return table(["part", "", head("took", "n"), head("status", "n wide"), "what became of it"], rows, "No part was called, or the client hung up first.");
}

const pairs = (headers) => headers.length ? make("pre", {}, headers.map((one) => `${one.name}: ${one.value}`).join("\n")) : null;
function body(shown) {
  if (!shown.size) return dim("No body.");
  const note = [`${shown.size} bytes`, shown.left_out].filter(Boolean).join(", ");
  return make("div", {}, dim(note), shown.text ? make("pre", {}, shown.text) : null);
}

function detailed(shown) {
  return [section(make("p", {}, make("span", { class: hue(shown) }, `${shown.status} `), `${shown.how}, ${duration(shown.ms)}, ${when(shown.at)}`,
      shown.client ? `, from ${shown.client}` : "", shown.trace ? `, trace ${shown.trace}` : ""),
      shown.reason && make("p", {}, shown.reason), waterfall(shown.parts, Math.max(shown.ms, 1))),
    make("h2", {}, "The request"), section(make("pre", {}, `${shown.method} ${shown.url}`), pairs(shown.headers), body(shown.body),
      shown.masked.length ? dim(`Masked: ${shown.masked.join(", ")}`) : null),
    make("h2", {}, "The answer"), section(pairs(shown.answer.headers), body(shown.answer.body)),
    make("h2", {}, "What upstreams said"), shown.said.length ? shown.said.map((one) => section(make("strong", {}, `${one.part} · ${one.upstream} · ${one.status}`),
      pairs(one.headers), body(one.body))) : section(dim("Nothing."))].flat();
}

async function request(state, id) {
  const shown = await ask(`/-/requests/${encodeURIComponent(id)}`);
  const result = make("div", {});
  const fields = shown.masked.filter((place) => place.startsWith("headers.")).map((place) => make("label", {}, `${place.slice(8)} `,
    make("input", { name: place.slice(8), type: "password", autocomplete: "off" })));
  const again = make("form", { class: "row", onsubmit: (event) => {
    event.preventDefault();
    const headers = Object.fromEntries([...new FormData(event.target)].filter(([, value]) => value));
    answered(result, ask(`/-/requests/${encodeURIComponent(id)}/replay`, { headers }));
  } }, ...fields, make("button", {}, "Send it again"), make("button", { type: "button", onclick: () => download(id) }, "Download as HAR"));
  return [make("h1", {}, `${shown.method} ${shown.target}`), make("p", {}, link("endpoint", shown.endpoint, shown.endpoint), " ", make("span", { class: "dim" }, shown.id)),
    again, result, ...detailed(shown)];
}

async function download(id) {
  const text = JSON.stringify(await ask(`/-/requests/${encodeURIComponent(id)}.har`), null, 1);
  const anchor = make("a", { download: "request.har" });
  anchor.href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  anchor.click();
  URL.revokeObjectURL(anchor.href);
}

async function answered(place, asked) {
  place.replaceChildren(dim("Asking…"));
  try {
    const told = await asked;
    place.replaceChildren(make("h2", {}, `Its answer now: ${told.status}`), section(pairs(told.headers), make("pre", {}, told.body)),
      ...(told.request ? [section(waterfall(told.request.parts, Math.max(told.request.ms, 1)))] : []));
  } catch (error) {
    place.replaceChildren(make("p", { class: "bad", role: "alert" }, error.message));
  }
}

async function upstreams(state) {
  const [hosts, breakers, switches] = await Promise.all(["hosts", "breakers", "switches"].map((one) => ask(`/-/${one}`)));
  const { upstreams: called } = sums(state.seconds);
  const rows = [...called].sort(([, one], [, other]) => other.failed - one.failed || other.calls - one.calls).map(([name, sum]) => [cell(name, "name"),
    cell((sum.calls / Math.max(1, state.seconds.length)).toFixed(1), "n"), cell(percent(sum.failed, sum.calls), shade(sum.failed)), cell(duration(sum.ms / sum.calls), "n")]);
  return [make("h1", {}, "Upstreams"), section(table([head("upstream"), head("calls/s", "n"), head("failed", "n"), head("mean", "n")], rows, "No calls in the last ten seconds.")),
    make("h2", {}, "Breakers"), section(data(breakers, "No upstream has a breaker.")), make("h2", {}, "Hosts"), section(data(hosts, "No upstream has several hosts.")),
    make("h2", {}, "Switched off"), section(data(switches, "Nothing is switched off."))];
}
const plain = (value) => value == null ? "–" : typeof value === "object" ? JSON.stringify(value) : value;

function data(list, empty) {
  const columns = [...new Set(list.flatMap(Object.keys))];
  return table(columns.map((one) => head(one.replaceAll("_", " "))), list.map((one) => columns.map((name) => cell(plain(one[name]), "name"))), empty);
}

function members(data) {
  const rows = Object.entries(data).map(([name, value]) => [cell(name.replaceAll("_", " "), "name"),
    cell(value && typeof value === "object" ? make("pre", {}, JSON.stringify(value, null, 1)) : plain(value), "name")]);
  return table([], rows, "Nothing.");
}

async function background() {
  const { background: queue, effects: durable } = await ask("/-/config");
  const effects = durable ? await ask("/-/effects") : [];
  return [make("h1", {}, "Background calls"), section(members(queue || {})),
    durable && make("h2", {}, "Durable effects"), durable && section(data(effects.slice(0, 200), "There are none."))].filter(Boolean);
}

async function configuration() {
  const { background: _, last_refusal: refusal, ...config } = await ask("/-/config");
  return [make("h1", {}, "Configuration"), section(members(config)), make("h2", {}, "The refused save"),
    section(refusal ? make("pre", { class: "bad" }, frames(refusal)) : dim("The saved file is the one that is served."))];
}
const frames = (refusal) => [refusal.text, refusal.reason, JSON.stringify(refusal, null, 1)].find((one) => typeof one === "string" && one);

async function trial(state, key) {
  const endpoints = await endpointsOf(state), result = make("div", {});
  const chosen = endpoints.find((one) => one.endpoint === key) || endpoints[0];
  if (!chosen) return [make("h1", {}, "Try it"), dim("No endpoint is declared.")];
  const names = [...chosen.path.matchAll(/\{([A-Za-z_]\w*)/g)].map((found) => found[1]);
  const field = (label, input) => make("label", {}, label, input);
  const select = make("select", { name: "endpoint", onchange: (event) => { location.hash = `#try/${encodeURIComponent(event.target.value)}`; } },
    endpoints.slice(0, 1000).map((one) => make("option", { value: one.endpoint, selected: one === chosen }, one.endpoint)));
  const form = make("form", { class: "try", onsubmit: (event) => {
    event.preventDefault();
    const given = new FormData(event.target), query = given.get("query").trim();
    const path = chosen.path.replace(/\{([A-Za-z_]\w*)[^}]*\}/g, (_, name) => encodeURIComponent(given.get(`param.${name}`)));
    const lines = given.get("headers").split("\n").filter((line) => line.includes(":"));
    const headers = Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf(":")).trim(), line.slice(line.indexOf(":") + 1).trim()]));
    if (chosen.host) headers.host = chosen.host;
    answered(result, ask("/-/try", { method: chosen.method, target: path + (query ? `?${query}` : ""), headers, body: given.get("body") }));
  } }, field("Endpoint ", select), names.map((name) => field(name, make("input", { name: `param.${name}`, required: true }))),
    field("Query", make("input", { name: "query", placeholder: "page=2" })), field("Headers, one a line", make("textarea", { name: "headers", spellcheck: "false" })),
    field("Body", make("textarea", { name: "body", spellcheck: "false" })), make("button", {}, `Send ${chosen.method}`));
  return [make("h1", {}, "Try it"), dim("The request does what it does: a trial that orders, orders. It needs the secret."), section(form), result];
}

export const views = {
  now: { title: "Now", draw: now, live: true },
  requests: { title: "Requests", draw: requests },
  upstreams: { title: "Upstreams", draw: upstreams, live: true },
  background: { title: "Background", draw: background },
  configuration: { title: "Configuration", draw: configuration },
  try: { title: "Try it", draw: trial, holds: true },
  endpoint: { draw: endpoint, holds: true, below: "now" },
  request: { draw: request, holds: true, below: "requests" },
};
