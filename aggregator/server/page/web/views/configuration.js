// What is served: the generation and what it changed, why a saved file is refused, the log, and the workers.
import { ask } from "../asking.js";
import { logging, reloading } from "../acting.js";
import { cell, dim, facts, head, heading, make, moment, plain, section, size, table, title } from "../elements.js";

const FIRST = ["generation", "config", "loaded_at", "endpoints", "in_flight", "lost_log_lines"];

export async function configuration() {
  const [told, changes] = await Promise.all([ask("/-/config"), ask("/-/changes")]);
  const { background: _, last_refusal: __, workers, missing, effects: ___, ...config } = told;
  const more = Object.entries(config).filter(([name, value]) => !FIRST.includes(name) && name !== "log" && value && typeof value === "object");
  return [title("Configuration"), section(facts([...FIRST.map((name) => [name.replaceAll("_", " "), config[name]]),
    ...(config.log ? [["log", logged(config.log)]] : [])])),
    make("div", { class: "row" }, reloading(), logging()),
    heading("The refused save"), section(changes.refused ? refusal(changes.refused) : dim("The saved file is the one that is served.")),
    heading("The difference to the generation before"), ...difference(changes),
    workers && heading("Workers"), workers && section(workerTable(workers, missing || [])),
    ...more.flatMap(([name, value]) => [heading(name.replaceAll("_", " ")), section(members(value))])].filter(Boolean);
}

// A level that somebody has ordered for a while is in colour, for it is easily forgotten.
function logged({ level, format, until }) {
  return until ? make("span", { class: "warn" }, `is written at ${level}, as ${format}, until ${moment(Date.parse(until) / 1000)}; then as the file says`) : `is written at ${level}, as ${format}`;
}

const refusal = ({ at, summary, text }) => [make("p", { class: "bad" }, summary.split("\n")[0]), dim(`since ${at}; what was served goes on`), make("pre", {}, text)];

function difference({ before, generation, at, endpoints, upstreams, settings, files, left_out: left }) {
  if (before == null) return [section(dim("There is none before: the process began with this one."))];
  const row = (what, names, kind) => names.length ? [[cell(what), cell(make("span", { class: kind }, names.join(", ")), "name")]] : [];
  const rows = [["endpoints", endpoints], ["upstreams", upstreams]].flatMap(([what, one]) =>
    [...row(`${what} added`, one.added, "good"), ...row(`${what} removed`, one.removed, "bad"), ...row(`${what} changed`, one.changed, "warn")]);
  return [section(dim(`generation ${before} → ${generation}, ${moment(at)}`), table([], [...rows, ...row("settings changed", settings, "warn")], "Nothing that is served is another than before.")),
    ...files.map(({ file, lines }) => section(make("strong", {}, file), make("pre", { class: "diff" }, lines.map((line) =>
      make("span", { class: line.startsWith("+") ? "good" : line.startsWith("-") ? "bad" : "dim" }, `${line}\n`))))), left ? dim(`${left} more lines differ.`) : null].filter(Boolean);
}

function workerTable(workers, missing) {
  const rows = workers.map((one) => [cell(one.pid, "n"), cell(missing.includes(one.pid) ? make("span", { class: "bad" }, "does not answer") : one.state), cell(plain(one.generation), "n"),
    cell(one.in_flight, "n"), cell(one.connections, "n wide"), cell(size(one.memory), "n"), cell(one.started_at, "wide")]);
  return table([head("process", "n"), "state", head("generation", "n"), head("in flight", "n"), head("connections", "n wide"), head("memory", "n"), head("since", "wide")], rows, "");
}

// Objects as names and values; those that hold others have a line for each of these.
function members(value) {
  if (Array.isArray(value)) return make("pre", {}, JSON.stringify(value, null, 1));
  return facts(Object.entries(value).map(([name, one]) => [name.replaceAll("_", " "), one && typeof one === "object" && !Array.isArray(one)
    ? Object.entries(one).map(([key, inner]) => `${key.replaceAll("_", " ")} ${plain(inner)}`).join(", ") : one]));
}
