// One endpoint: its numbers, its calls with their times, what it does in which order, and what failed lately.
import { Refused, ask, follow } from "../asking.js";
import { switching } from "../acting.js";
import { cell, dim, head, heading, link, make, section, table, title } from "../elements.js";
import { graphOf } from "../graph.js";
import { CALLS, NOTHING, REQUESTS, calls, plot, requests, sums, sumsOfParts, wholeHour } from "../rates.js";
import { listed } from "./requests.js";

const WINDOW = 10, PAUSE = 2000;

export async function endpoint(state, key) {
  const named = `endpoint=${encodeURIComponent(key)}`;
  const [shown, kept, past, offs] = await Promise.all([ask(`/-/endpoints?${named}`), ask(`/-/requests?${named}`).catch(() => null),
    ask(`/-/history?${named}`).catch(() => ({ now: 0, began: 0, minutes: [] })), ask("/-/switches")]);
  const [picture, write] = graphOf(shown.graph, key), { sum, seconds: age } = wholeHour(past), parts = [];
  const numbers = make("div", {}), table_ = make("div", {});
  const tick = () => {
    numbers.replaceChildren(table(["in the last", ...REQUESTS], [[cell("10 s"), ...requests(sums(state.seconds).endpoints.get(key) || NOTHING, state.seconds.length)],
      [cell(age < 3600 ? `${Math.ceil(age / 60)} min, since its start` : "hour"), ...requests(sum, age)]], ""));
    const counted = sumsOfParts(parts);
    write(counted, parts.length);
    partTable(table_, shown, counted, parts.length);
  };
  state.tick = tick;
  partTable(table_, shown, new Map(), 0);
  tick();
  watch(named, state.leaving, parts);
  return [title(key), shown.summary && make("p", {}, shown.summary), section(numbers, plot(past.minutes.map((one) => [one.at, [one.at, one.requests, one.failed]]), past.now, "plot large")),
    make("div", { class: "row" }, link("try", key, "Try it"), switching({ kind: "endpoint", name: key }, offs)),
    heading("Its calls, as they go now"), section(picture), section(table_, switches(shown, offs)),
    heading("Parameters, calls, policies and failures, in order"), section(make("pre", {}, shown.text)),
    heading("Its failed and slow requests"), section(kept ? listed(kept.requests) : dim("None are kept: `telemetry: {recorder: {}}` in the file keeps them."))].filter(Boolean);
}

// Keeps the last seconds of the parts for as long as the view is open.
async function watch(named, leaving, parts) {
  while (!leaving.aborted) {
    try {
      await follow(`show=parts&${named}`, leaving, (name, data) => {
        if (name !== "parts") return;
        parts.push(data);
        if (parts.length > WINDOW) parts.shift();
      });
    } catch (error) {
      if (leaving.aborted || error instanceof Refused) return;
    }
    parts.length = 0;
    await new Promise((resolve) => setTimeout(resolve, PAUSE));
  }
}

function partTable(place, shown, counted, seconds) {
  const rows = shown.parts.map((one) => [cell(one.optional ? `${one.name} (optional)` : one.name, "name"),
    cell(make("span", {}, one.upstreams.map((name, number) => [number ? ", " : "", link("upstream", name, name)])), "name"), ...calls(counted.get(one.name), seconds)]);
  const focused = place.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
  place.replaceChildren(table([head("part, last 10 s"), "upstream", ...CALLS], rows, "It calls nothing."));
  if (focused) [...place.querySelectorAll("a")].find((one) => one.getAttribute("href") === focused)?.focus({ preventScroll: true });
}

const isOffByName = (kind, part, offs) => kind === "effect" && offs.some((one) => one.kind === kind && one.part === part && !one.name);

function switches(shown, offs) {
  const parts = shown.parts.flatMap((one) => [one.name, ...(one.inside ?? [])]);
  const targets = [...parts.map((name) => ["part", name]), ...shown.background.map((name) => ["effect", name])];
  if (!targets.length) return null;
  const rows = targets.map(([kind, part]) => [cell(kind === "effect" ? `background call ${part}` : `part ${part}`, "name"),
    cell(switching({ kind, name: isOffByName(kind, part, offs) ? "" : shown.endpoint, part }, offs))]);
  return make("details", {}, make("summary", {}, "Switch parts and background calls"), table([], rows, ""));
}
