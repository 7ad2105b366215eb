// Upstreams: how calls to them go, whether their pools are full, what breakers and operators keep away from them.
import { ask } from "../asking.js";
import { breaking, switching } from "../acting.js";
import { cell, dim, duration, facts, head, heading, link, make, plain, section, table, title } from "../elements.js";
import { CALLS, calls, sums } from "../rates.js";

const asked = (...names) => Promise.all(names.map((one) => ask(`/-/${one}`)));
const PHASES = { closed: "good", open: "bad", "half-open": "warn", half_open: "warn", forced_open: "bad", forced_closed: "warn" };
const phase = (one) => make("span", { class: PHASES[one.phase] || "" }, one.phase.replaceAll("_", " "));
const isFull = ({ now, most }) => most > 0 && now >= most;
const share = (now, most, full) => cell(`${now} of ${most}`, full ? "n wide bad" : "n wide");

export async function upstreams(state) {
  const [known, breakers, hosts, offs] = await asked("upstreams", "breakers", "hosts", "switches"), { upstreams: called } = sums(state.seconds);
  const rank = (name) => called.get(name) || { failed: 0, calls: 0 };
  const ordered = known.toSorted((one, other) => rank(other.upstream).failed - rank(one.upstream).failed || rank(other.upstream).calls - rank(one.upstream).calls);
  const many = known.some((one) => one.worker);
  const rows = ordered.map((one) => {
    const { connections, waiting } = one, mine = breakers.filter((other) => other.name === one.upstream && other.worker === one.worker);
    return [cell(link("upstream", one.upstream, one.upstream), "name"), many && cell(one.worker, "n"), ...calls(called.get(one.upstream), state.seconds.length),
      share(connections.active, connections.most, isFull({ now: connections.active, most: connections.most })),
      cell(waiting.now, waiting.now ? "n wide warn" : "n wide dim"), cell(notes(one, mine, hosts, offs), "name")].filter(Boolean);
  });
  return [title("Upstreams"), section(table([head("upstream, last 10 s"), many && head("worker", "n"), ...CALLS, head("connections", "n wide"), head("waiting", "n wide"), "state"].filter(Boolean),
    rows, "The file declares no upstream yet; endpoints that call none need none.")), heading("Switched off"), section(switchedOff(offs))];
}

// What an operator has to know of an upstream in a few words.
function notes(one, breakers, hosts, offs) {
  const off = offs.some((other) => other.kind === "upstream" && other.name === one.upstream);
  const mine = hosts.filter((other) => other.upstream === one.upstream && other.worker === one.worker), lost = mine.filter((other) => other.state !== "usable").length;
  const open = breakers.filter((other) => other.phase !== "closed");
  return [off && make("span", { class: "bad" }, "switched off "), open.length > 0 && make("span", {}, "breaker ", phase(open[0]), " "),
    mine.length > 0 && make("span", { class: lost ? "warn" : "dim" }, `${mine.length - lost} of ${mine.length} hosts `),
    breakers.length > 0 && !open.length && make("span", { class: "dim" }, "breaker closed")].filter(Boolean).reduce((whole, part) => { whole.append(part); return whole; }, make("span", {}));
}

function switchedOff(offs) {
  const rows = offs.map((one) => [cell(one.part && one.name ? `${one.kind} ${one.part} of ${one.name}` : `${one.kind} ${one.name || one.part}`, "name"),
    cell(one.until ? new Date(one.until * 1000).toLocaleString("sv") : "switched on"), cell(plain(one.by), "name wide"), cell(plain(one.why), "name"), cell(switching({ kind: one.kind, name: one.name, part: one.part ?? undefined }, offs))]);
  return table(["what", "until", head("by", "wide"), "why", ""], rows, "Nothing is switched off.");
}

export async function upstream(state, name) {
  const [known, breakers, hosts, offs, endpoints] = await asked("upstreams", "breakers", "hosts", "switches", "endpoints");
  const mine = known.filter((one) => one.upstream === name), called = sums(state.seconds).upstreams.get(name);
  if (!mine.length) return [title(name), dim("The file declares no such upstream.")];
  const users = endpoints.filter((one) => one.parts.some((part) => part.upstreams.includes(name)));
  const ours = breakers.filter((one) => one.name === name), its = hosts.filter((one) => one.upstream === name);
  return [title(name), section(table(["in the last", ...CALLS], [[cell("10 s"), ...calls(called, state.seconds.length)]], "")),
    make("div", { class: "row" }, switching({ kind: "upstream", name }, offs)),
    heading("Connections and limits"), ...mine.map((one) => section(pool(one))),
    heading("Breaker"), section(breakerTable(ours), ours.length > 0 && make("div", { class: "row" }, breaking(name))),
    heading("Hosts"), section(hostTable(its)),
    heading("Endpoints that call it"), section(users.length ? make("ul", {}, users.slice(0, 200).map((one) => make("li", {}, link("endpoint", one.endpoint, one.endpoint)))) : dim("None."))];
}

function pool({ connections, waiting, streams, concurrency, rate_limit: rate, deliveries, worker }) {
  return facts([worker && ["worker", worker], ["connections in use", `${connections.active} of ${connections.most}`], ["connections idle", connections.idle],
    ["connections opened", `${connections.opened}${connections.opening_ms == null ? "" : `, ${duration(connections.opening_ms)} each`}`],
    ["calls that wait for one", `${waiting.now} of ${waiting.most}`], ["connections for streams, at most", streams.most],
    concurrency && ["calls at once (concurrency)", `${concurrency.now} of ${concurrency.limit}, ${concurrency.waiting} of ${concurrency.most_waiting} wait`],
    rate && ["rate limit", rate],
    deliveries && ["durable effects", `sent slowly: ${deliveries.failures} failed in a row, ${deliveries.pause} s between two`]].filter(Boolean));
}

function breakerTable(list) {
  const rows = list.map((one) => [cell(phase(one)), cell(plain(one.reason), "name"), cell(one.for == null ? "–" : `${Math.ceil(one.for)} s`, "n"), cell(one.consecutive_failures, "n wide"),
    cell(one.window.calls, "n wide"), cell(one.window.failures, "n wide"), cell(one.window.slow, "n wide"), cell(plain(one.host ?? one.key ?? one.worker), "name wide")]);
  return table(["state", "why", head("for", "n"), head("failures in a row", "n wide"), head("calls in its window", "n wide"), head("failed", "n wide"), head("slow", "n wide"), head("of", "wide")],
    rows, "It has no breaker; `breaker` declares one.");
}

function hostTable(list) {
  const rows = list.map((one) => [cell(one.host, "name"), cell(make("span", { class: one.state === "usable" ? "good" : "bad" }, one.state)), cell(one.in_flight, "n"),
    cell(one.failures, "n wide"), cell(one.ejections, "n wide"), cell(one.weight, "n wide"), cell(one.priority, "n wide"), cell(plain(one.worker), "n wide")]);
  return table(["host", "state", head("in flight", "n"), head("failures", "n wide"), head("ejections", "n wide"), head("weight", "n wide"), head("priority", "n wide"), head("worker", "n wide")],
    rows, "It has one address; `hosts` declares several.");
}
