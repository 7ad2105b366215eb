// What happens now: endpoints, those that fail first, and what went wrong since the page was opened.
import { ask } from "../asking.js";
import { cell, clock, dim, duration, head, heading, hue, link, make, moment, section, table, title } from "../elements.js";
import { NOTHING, REQUESTS, hourOf, lately, plot, requests, sums } from "../rates.js";

let known = { generation: null, endpoints: [] };
export async function endpointsOf(state) {
  const { generation } = state.config;
  if (known.generation !== generation || !known.endpoints.length) known = { generation, endpoints: await ask("/-/endpoints") };
  return known.endpoints;
}

export async function now(state) {
  const endpoints = await endpointsOf(state), past = hourOf(state.config.generation), { endpoints: asked } = sums(state.seconds);
  const keys = new Set([...endpoints.map((one) => one.endpoint), ...asked.keys()]);
  const rank = (key) => asked.get(key) || NOTHING, hourly = (key) => past.endpoints.get(key)?.size || 0;
  const ordered = [...keys].sort((one, other) => rank(other).bad - rank(one).bad || rank(other).count - rank(one).count
    || hourly(other) - hourly(one) || (one < other ? -1 : 1));
  const shown = Math.max(20, Math.min(100, asked.size));  // what is quiet must not push away what went wrong
  const rows = ordered.slice(0, shown).map((key) => [
    cell(key ? link("endpoint", key, key) : make("span", { class: "dim" }, "no endpoint"), "name"), ...requests(rank(key), state.seconds.length),
    cell(plot(past.endpoints.get(key) || [], past.now), "wide")]);
  const more = ordered.length > shown ? dim(`${ordered.length - shown} more endpoints are quieter.`) : null;
  return [title("Now"),
    state.config.refused && section(make("strong", { class: "bad" }, "The saved file is refused. "), make("a", { href: "#configuration" }, "See why")),
    section(table([head("endpoint, last 10 s"), ...REQUESTS, head("the last hour", "wide")], rows, "The file declares no endpoint yet; save one, and it is here."), more),
    heading("What has changed lately"), section(changed(lately(state.config))),
    heading("What went wrong while this page was open"), section(wrong(state.recent))].filter(Boolean);
}

const CHANGES = 12;
function changed(told) {
  const rows = told.slice(0, CHANGES).map((one) => [cell(moment(one.at)), cell(make("span", { class: one.level === "info" ? null : one.level === "error" ? "bad" : "warn" }, one.text)),
    cell(make("span", { class: "dim" }, Object.entries(one.fields).map(([name, value]) => `${name.replaceAll("_", " ")} ${value}`).join(", ")), "name")]);
  return [table(["at", "what", "of what"], rows, "Nothing since the process began."), told.length > CHANGES ? dim(`${told.length - CHANGES} older changes are in the log.`) : null];
}

function wrong(recent) {
  const rows = recent.map((one) => [cell(clock(one.at)), cell(link("request", one.id, `${one.method} ${one.path}`), "name"),
    cell(one.status, `n ${hue(one)}`), cell((one.partial && bad(one.parts)) || one.cause || bad(one.parts), "name"), cell(duration(one.ms), "n wide")]);
  return table(["at", "request", head("status", "n"), "why", head("took", "n wide")], rows, "Nothing.");
}
const bad = (parts) => parts.filter((one) => !["ok", "skipped", "stale"].includes(one.state)).map((one) => `${one.name}: ${one.cause || one.state}`).join(", ");
