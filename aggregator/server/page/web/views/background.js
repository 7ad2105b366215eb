// Calls after the answer: what became of them, what failed lately, and durable ones, which can be sent again.
import { ask } from "../asking.js";
import { effecting } from "../acting.js";
import { cell, clock, dim, facts, head, heading, link, make, moment, plain, section, size, table, title } from "../elements.js";

const STATES = ["dead", "waiting", "parked", "leased", "sent"], MOST = 200;
const COLOURS = { dead: "bad", parked: "warn", waiting: "warn", sent: "good" };
const coloured = (state) => make("span", { class: COLOURS[state] || "" }, state);

export async function background(state, chosen) {
  const wanted = STATES.includes(chosen) ? chosen : "";
  const [told, { effects }] = await Promise.all([ask("/-/background"), ask("/-/config")]);
  const { recent, failures, ...counts } = told;
  const rows = recent.map((one) => [cell(moment(one.at)), cell(one.name, "name"), cell(plain(one.cause), "name"), cell(plain(one.reason), "name"), cell(link("request", one.request, one.request), "name wide")]);
  return [title("Background calls"), section(make("dl", {}, Object.entries(counts).map(([name, count]) => make("div", {}, make("dt", {}, name), make("dd", {}, count))))),
    heading("What failed lately"), section(table(["at", "call", "cause", "why", head("request", "wide")], rows, "Nothing has failed since the start.")),
    heading("Durable effects"), ...(effects ? await durable(effects, wanted) : [section(dim("None are kept: `durable: true` on a background call, and `state` for the folder, have them kept until they are delivered."))])];
}

async function durable(counts, wanted) {
  const listed = await ask(`/-/effects${wanted ? `?state=${wanted}` : ""}`), names = [...new Set(listed.map((one) => one.name))];
  const choice = make("nav", { class: "row", "aria-label": "State of durable effects" }, ["", ...STATES].map((one) =>
    make("a", { href: one ? `#background/${one}` : "#background", "aria-current": one === wanted ? "page" : null }, one ? `${one} ${counts[one] ?? 0}` : "all")));
  const rows = listed.slice(0, MOST).map((one) => [cell(link("effect", one.id, one.name), "name"), cell(coloured(one.state)), cell(one.endpoint, "name wide"), cell(one.upstream, "name wide"),
    cell(moment(one.created), "n wide"), cell(one.attempts, "n wide"), cell(lastly(one), "name wide"), cell(make("div", { class: "row orders" }, orders({ id: one.id }, one.state, one.name)))]);
  const all = wanted === "dead" && listed.length > 0 ? make("div", { class: "row" }, names.map((name) =>
    effecting("retry", `Retry all dead ${name}…`, { state: "dead", name }, `Retry all dead effects ${name}`))) : null;
  const more = listed.length > MOST ? dim(`${MOST} of ${listed.length === 1000 ? "1000 or more" : listed.length} are shown, the oldest first.`) : null;
  return [choice, section(all, table(["effect", "state", head("endpoint", "wide"), head("upstream", "wide"), head("created", "n wide"), head("attempts", "n wide"), head("what came of it last", "wide"), ""], rows,
    wanted ? `None is ${wanted}.` : "There are none."), more)];
}
const lastly = ({ last }) => last ? [last.status, last.cause, last.reason].filter(Boolean).join(" · ") : "–";

function orders(which, state, name) {
  if (state === "sent") return [effecting("replay", "Replay…", which, `Replay the effect ${name}`)];
  return state === "leased" ? [make("span", { class: "dim" }, "under way")] : [effecting("retry", "Retry…", which, `Retry the effect ${name}`),
    effecting("discard", "Discard…", which, `Discard the effect ${name}`)];
}

export async function effect(state, id) {
  const [shown] = await ask(`/-/effects?id=${encodeURIComponent(id)}`).catch((error) => { if (error.status !== 404) throw error; return []; });
  if (!shown) return [title("A durable effect"), dim("It is not there any more: it was discarded, or kept for as long as the file says.")];
  const { request } = shown;
  return [title(shown.name), section(facts([["state", coloured(shown.state)], ["id", shown.id], ["endpoint", link("endpoint", shown.endpoint, shown.endpoint)],
    ["upstream", link("upstream", shown.upstream, shown.upstream)], ["caused by request", link("request", shown.request_id, shown.request_id)], ["order", shown.key],
    ["created", moment(shown.created)], ["due", shown.due && moment(shown.due)], ["ended", shown.ended && moment(shown.ended)], ["attempts", shown.attempts],
    ["size", size(shown.size)], ["what came of it last", lastly(shown)]])),
    make("div", { class: "row" }, orders({ id: shown.id }, shown.state, shown.name)),
    heading("What is sent"), section(make("pre", {}, `${request.method} ${request.target}`), request.headers.length ? make("pre", {}, request.headers.map((pair) => pair.join(": ")).join("\n")) : null,
      request.body == null ? dim("No body.") : make("pre", {}, request.body))];
}
