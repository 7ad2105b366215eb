// Rates and durations of the last seconds, and the last hour, which was kept before anybody looked.
import { ask } from "./asking.js";
import { cell, duration, head, make, percent, shade } from "./elements.js";

const STEP = 1.25, HOUR = 3600, LOOK = 5000;
export const NOTHING = { count: 0, bad: 0, partial: 0, buckets: {} };

function percentile(buckets, share) {
  const found = Object.entries(buckets).map(([index, count]) => [Number(index), count]).sort((one, other) => one[0] - other[0]);
  const whole = found.reduce((sum, [, count]) => sum + count, 0);
  let seen = 0;
  for (const [index, count] of found) if ((seen += count) >= share * whole) return STEP ** index;
  return 0;
}

const into = (sum, buckets) => { for (const [index, number] of Object.entries(buckets)) sum[index] = (sum[index] || 0) + number; };

// What the last seconds come to, by endpoint and by upstream.
export function sums(seconds) {
  const endpoints = new Map(), upstreams = new Map();
  for (const second of seconds) {
    for (const [key, [count, bad, partial, buckets]] of Object.entries(second.endpoints)) {
      const sum = endpoints.get(key) || { count: 0, bad: 0, partial: 0, buckets: {} };
      sum.count += count; sum.bad += bad; sum.partial += partial;
      into(sum.buckets, buckets);
      endpoints.set(key, sum);
    }
    for (const [name, counted] of Object.entries(second.upstreams)) upstreams.set(name, plus(upstreams.get(name), counted));
  }
  return { endpoints, upstreams };
}

// Calls: how many, how many failed, and their milliseconds together.
const plus = (sum, [calls, failed, ms]) => ({ calls: (sum?.calls || 0) + calls, failed: (sum?.failed || 0) + failed, ms: (sum?.ms || 0) + ms });
export function sumsOfParts(seconds) {
  const parts = new Map();
  for (const second of seconds) for (const [name, counted] of Object.entries(second.parts)) parts.set(name, plus(parts.get(name), counted));
  return parts;
}

export const CALLS = [head("calls/s", "n"), head("failed", "n"), head("mean", "n")];
export const calls = (sum, seconds) => sum ? [cell((sum.calls / Math.max(1, seconds)).toFixed(1), "n"), cell(percent(sum.failed, sum.calls), shade(sum.failed)),
  cell(duration(sum.ms / sum.calls), "n")] : [cell("0.0", "n"), cell("–", "n dim"), cell("–", "n dim")];

export const REQUESTS = [head("req/s", "n"), head("5xx", "n"), head("partial", "n"), head("p50", "n wide"), head("p95", "n"), head("p99", "n wide")];
export function requests(sum, seconds) {
  const at = (share) => sum.count ? duration(percentile(sum.buckets, share)) : "–";
  const rate = sum.count / Math.max(1, seconds);
  return [cell(rate && rate < 0.1 ? rate.toFixed(3) : rate.toFixed(1), "n"), cell(percent(sum.bad, sum.count), shade(sum.bad)),
    cell(percent(sum.partial, sum.count), sum.partial ? "n warn" : "n dim"), cell(at(.5), "n wide"), cell(at(.95), "n"), cell(at(.99), "n wide")];
}

// The whole hour at first, then what has changed since; asked for beside the page, which waits for none of it.
let hour = { generation: null, looked: -LOOK, now: 0, endpoints: new Map() };
export function hourOf(generation) {
  if (hour.generation !== generation) hour = { generation, looked: -LOOK, now: 0, endpoints: hour.endpoints };
  const mine = hour, at = performance.now();
  if (at - mine.looked >= LOOK) {
    mine.looked = at;
    look(mine).catch(() => {});  // the next look is soon; what is wrong with the server is said by its events
  }
  return mine;
}

// What has changed in the process lately: kept by it, asked for now and then, and when a file was served or refused.
const past = { saved: null, looked: -LOOK, told: [] };
export function lately({ generation, refused }) {
  const at = performance.now(), saved = `${generation} ${refused?.at}`;
  if (at - past.looked >= LOOK || past.saved !== saved) {
    Object.assign(past, { saved, looked: at });
    ask("/-/lately").then((told) => { past.told = told; }, () => {});
  }
  return past.told;
}

async function look(mine) {
  const told = await ask(`/-/history${mine.now ? `?since=${mine.now - 60}` : ""}`);
  if (!mine.now) mine.endpoints = new Map();
  for (const [key, rows] of Object.entries(told.endpoints)) {
    const minutes = mine.endpoints.get(key) || new Map();
    for (const row of rows) minutes.set(row[0], row);
    for (const began of minutes.keys()) if (began <= told.now - HOUR) minutes.delete(began);
    mine.endpoints.set(key, minutes);
  }
  mine.now = told.now;
}

// An hour of one endpoint as one sum, and the seconds that it is of: those of a process that began later.
export function wholeHour({ now, began, minutes }) {
  const sum = { count: 0, bad: 0, partial: 0, buckets: {} };
  for (const one of minutes) {
    sum.count += one.requests; sum.bad += one.failed; sum.partial += one.partial;
    into(sum.buckets, one.buckets);
  }
  return { sum, seconds: Math.max(1, Math.min(HOUR, now - began)) };
}

export function plot(minutes, now, kind = "plot") {
  const rows = [...minutes].filter(([at]) => at > now - HOUR), most = Math.max(...rows.map(([, row]) => row[1]));
  const total = (place) => rows.reduce((sum, [, row]) => sum + row[place], 0);
  const bars = (value) => rows.filter(([, row]) => row[value]).map(([at, row]) =>
    `M${119 - 2 * Math.floor((now - at) / 60)} 20v-${Math.max(1, 19 * row[value] / most).toFixed(1)}`).join("");
  return make("svg", { class: kind, viewBox: "0 0 120 20", preserveAspectRatio: "none", role: "img",
    "aria-label": `${total(1)} requests in the last hour, ${total(2)} failed` }, make("path", { d: bars(1) }), make("path", { class: "failed", d: bars(2) }));
}
