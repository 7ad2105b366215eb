// The frame of the page: the secret, events, views by the fragment of the address. Texts become text nodes, never markup.
import { views } from "./views.js";

const state = { secret: "", config: {}, seconds: [], upstreams: new Map(), recent: [], fault: "" };
const WINDOW = 10, RECENT = 50;
let drawn = "", stale = false;

export function make(tag, given = {}, ...children) {
  const element = tag === "svg" || tag === "path" ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(given)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== false && value != null) element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.flat().filter((one) => one != null && one !== false).map((one) => one instanceof Node ? one : String(one)));
  return element;
}

export class Refused extends Error {}

export async function ask(path, given) {
  const headers = state.secret ? { authorization: `Bearer ${state.secret}` } : {};
  const options = given === undefined ? { headers } : { method: "POST", headers, body: JSON.stringify(given) };
  const answer = await fetch(path, { ...options, cache: "no-store", redirect: "error" });
  const data = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Refused(data.detail || `The server answers with ${answer.status}.`);
  return data;
}

function say(text) {
  const notice = document.getElementById("notice");
  notice.hidden = !text;
  notice.textContent = text;
}

function tell(text, bad) {
  const line = document.getElementById("state");
  if (line.textContent !== text) line.textContent = text;
  line.className = bad ? "bad" : "";
}

const place = () => {
  const [name, ...rest] = location.hash.slice(1).split("/");
  let given = rest.join("/");
  try { given = decodeURIComponent(given); } catch { given = ""; }
  return [Object.hasOwn(views, name) ? name : "now", given];
};

function navigate() {
  const name = views[place()[0]].below || place()[0];
  document.getElementById("nav").replaceChildren(...Object.entries(views).filter(([, view]) => view.title).map(([key, view]) =>
    make("a", { href: `#${key}`, "aria-current": key === name ? "page" : null }, view.title)));
}

async function draw(moved) {
  const [name, given] = place(), main = document.getElementById("view"), mine = location.hash;
  try {
    const content = await views[name].draw(state, given);
    if (location.hash !== mine) return;
    if (!moved && getSelection().type === "Range" && main.contains(getSelection().anchorNode)) return;  // somebody copies
    const focused = main.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
    main.replaceChildren(...[content].flat());
    if (focused) [...main.querySelectorAll("a[href]")].find((one) => one.getAttribute("href") === focused)?.focus({ preventScroll: true });
    drawn = mine;
    say("");
  } catch (error) {
    if (!(error instanceof Refused) && !(error instanceof TypeError && error.message.includes("fetch"))) throw error;
    if (location.hash !== mine) return;
    if (moved) main.replaceChildren(make("p", { class: "dim" }, "There is nothing to show."));
    say(error.message);
  }
  if (moved) main.focus({ preventScroll: true });
}

function take(name, data) {
  if (name === "config") {
    state.config = data;
    tell(`generation ${data.generation}`);
    stale = true;
  } else if (name === "counts") {
    state.seconds.push(data);
    if (state.seconds.length > WINDOW) state.seconds.shift();
    tell(`generation ${state.config.generation} · ${data.in_flight} in flight`);
    if (views[place()[0]].live && location.hash === drawn) draw(false);
  } else if (name === "request" && (data.status >= 500 || data.partial || data.how !== "answered")) {
    state.recent.unshift(data);
    state.recent.length = Math.min(state.recent.length, RECENT);
  }
  if (stale && location.hash === drawn && !views[place()[0]].holds) { stale = false; draw(false); }
}

async function follow(signal) {
  const headers = state.secret ? { authorization: `Bearer ${state.secret}` } : {};
  const answer = await fetch("/-/events", { headers, signal, cache: "no-store" });
  if (!answer.ok) throw new Refused((await answer.json().catch(() => ({}))).detail || `The server answers with ${answer.status}.`);
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let waiting = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const events = (waiting + value).split("\n\n");
    waiting = events.pop();
    for (const text of events) {
      const found = /^event: (\w+)\ndata: (.*)$/s.exec(text);
      if (found) take(found[1], JSON.parse(found[2]));
    }
  }
}

let following = new AbortController();
async function live() {
  for (let pause = 500; ; pause = Math.min(pause * 2, 5000)) {
    const { signal } = following = new AbortController();
    const began = performance.now();
    try {
      await follow(signal);
      tell("the server has gone; waiting for it", true);
    } catch (error) {
      if (error instanceof Refused) { tell("not connected", true); say(error.message); }
      else if (!signal.aborted) tell("the server has gone; waiting for it", true);
    }
    state.seconds = [];
    if (signal.aborted || performance.now() - began > 10000) pause = 500;
    await new Promise((resolve) => { const timer = setTimeout(resolve, pause); wake = () => { clearTimeout(timer); resolve(); }; });
  }
}
let wake = () => {};

document.getElementById("secret").addEventListener("submit", (event) => {
  event.preventDefault();
  const field = event.target.elements.secret;
  state.secret = field.value.trim();
  field.value = "";
  field.placeholder = state.secret ? "in use" : "";
  following.abort();
  wake();
  draw(true);
});
addEventListener("hashchange", () => { navigate(); draw(true); });
addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName)) return;
  const key = Object.keys(views).filter((name) => views[name].title)[Number(event.key) - 1];
  if (key) location.hash = key;
});
navigate();
draw(true);
live();
